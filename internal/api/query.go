package api

import (
	"slices"
	"strings"

	"trapline/internal/poller"
	"trapline/internal/profile"
)

// term is a condition on a target. Without a key, value is a word that the search text contains.
type term struct {
	key, value string
	not        bool
}

// maxTerms bounds the terms of a query.
const maxTerms = 50

// terms takes a query apart: words, key=value and key!=value. Quotation marks keep blanks together.
func terms(text string) []term {
	var list []term
	for len(list) < maxTerms {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			break
		}
		token, quoted, rest := cutToken(text)
		text = rest
		key, value, found := strings.Cut(token, "=")
		if !found || key == "" || quoted {
			list = append(list, term{value: strings.ToLower(token)})
			continue
		}
		bare, not := strings.CutSuffix(key, "!")
		list = append(list, term{key: bare, value: value, not: not})
	}
	return list
}

// cutToken takes the first token off; quoted says that all of it stood in quotation marks.
func cutToken(text string) (token string, quoted bool, rest string) {
	var b strings.Builder
	quoted = text[0] == '"'
	open := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			open = !open
		case !open && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			return b.String(), quoted, text[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), quoted, ""
}

// matches reports whether a target fulfils the terms, those of its state left out.
func matches(u *poller.Summary, list []term) bool {
	for _, t := range list {
		switch {
		case t.key == "state":
		case t.key == "" && !strings.Contains(u.Search, t.value):
			return false
		case t.key != "" && t.holds(u) == t.not:
			return false
		}
	}
	return true
}

// matchesState reports whether a target fulfils the terms of its state.
func matchesState(u *poller.Summary, list []term) bool {
	for _, t := range list {
		if t.key == "state" && strings.EqualFold(t.value, u.State.String()) == t.not {
			return false
		}
	}
	return true
}

func (t *term) holds(u *poller.Summary) bool {
	switch t.key {
	case "name", poller.TargetLabel:
		return strings.EqualFold(u.Target.Name, t.value)
	case "address":
		return strings.EqualFold(u.Target.Spec.Address, t.value)
	case "auth":
		return u.Target.AuthName == t.value
	case "module":
		return slices.Contains(u.Target.ModuleNames(), t.value) || slices.Contains(polledModules(u), t.value)
	case "kind":
		return strings.EqualFold(chosenFor(u), t.value)
	case "reason", "error":
		return hasReason(u, t.value)
	}
	return strings.EqualFold(u.Target.Labels[t.key], t.value)
}

// polledModules are the names of the modules of the last poll, those chosen by a profile included.
func polledModules(u *poller.Summary) (names []string) {
	if u.Last == nil {
		return nil
	}
	for _, m := range u.Last.Modules {
		names = append(names, m.Name)
	}
	return names
}

func hasReason(u *poller.Summary, reason string) bool {
	if u.Last == nil {
		return false
	}
	if reason == "duplicate" && len(u.Last.Duplicates) > 0 {
		return true
	}
	for _, e := range u.Last.Errors {
		if string(e.Reason) == reason {
			return true
		}
	}
	return false
}

// chosenFor is the profile that was chosen for a target, "" where there is none.
func chosenFor(u *poller.Summary) string {
	for _, p := range []*poller.Pass{u.Last, u.Answered} {
		if p != nil && p.Choice != nil {
			return p.Choice.Profile
		}
	}
	return ""
}

// kindOf is the profile of a target; "" where it is the one that fits any device.
func kindOf(u *poller.Summary) string {
	if name := chosenFor(u); name != profile.Default {
		return name
	}
	return ""
}
