package fleet

import "fmt"

// Known are the selectors of a member's rules, by their texts, with the time in milliseconds since which it stores what they
// select.
type Known map[string]int64

// With returns the same of other rules: a selector of both keeps its time.
func (k Known) With(texts []string, now int64) Known {
	next := make(Known, len(texts))
	for _, text := range texts {
		since, known := k[text]
		if !known {
			since = now
		}
		next[text] = since
	}
	return next
}

// Since returns the time after which a poll of a target must have ended, so that whatever a request selects of it is stored. A
// member whose rules lack a selector has none of its series, or only some: it must not answer that there are no others.
func (k Known) Since(r *Request) (since int64, err error) {
	if !r.Last() {
		return 0, nil
	}
	for _, text := range r.Match {
		at, known := k[text]
		if !known {
			return 0, fmt.Errorf("no rule in its files selects %s: give all members the same files, and reload them", text)
		}
		since = max(since, at)
	}
	return since, nil
}
