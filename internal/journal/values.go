package journal

import (
	"encoding/json"
	"slices"
)

// values are the values that the entries of a segment have, by the name in a matcher. A matcher that matches none of them
// matches no entry, so that nobody reads the segment for it. Names with many values are left out.
type values struct {
	names   map[string]*valuesOf
	entries int // that were added
	octets  int // of the values
}

// valuesOf are the values of one name.
type valuesOf struct {
	seen    map[string]bool // nil: too many
	entries int             // that have a value
	octets  int
}

// maxValues is how many octets the values of a segment have, each with valueCost; maxValueNames how many names.
const maxValues, valueCost, maxValueNames = 192 << 10, 4, 256

// fieldNames are the names of Event.Label that need no label.
var fieldNames = []string{"alertname", fieldRule, fieldTarget, "severity", fieldKind, fieldAlarm, fieldReceiver, "resource", "event", "notification", "reason"}

// add adds the values of entries.
func (v *values) add(entries []Event) {
	if v.names == nil {
		v.names = map[string]*valuesOf{}
	}
	v.entries += len(entries)
	for i := range entries {
		e := &entries[i]
		for _, name := range fieldNames {
			if value := e.Label(name); value != "" {
				v.note(name, value)
			}
		}
		for name, value := range e.Labels {
			if value != "" && !slices.Contains(fieldNames, name) {
				v.note(name, value)
			}
		}
	}
}

func (v *values) note(name, value string) {
	of := v.names[name]
	if of == nil {
		of = &valuesOf{}
		if v.names[name] = of; len(v.names) <= maxValueNames {
			of.seen = map[string]bool{}
		}
	}
	of.entries++
	if of.seen == nil || of.seen[value] {
		return
	}
	of.seen[value] = true
	of.octets += len(value) + valueCost
	if v.octets += len(value) + valueCost; v.octets > maxValues {
		v.drop()
	}
}

// drop forgets the values of the name that has most of them.
func (v *values) drop() {
	var most *valuesOf
	for _, of := range v.names {
		if of.seen != nil && (most == nil || of.octets > most.octets) {
			most = of
		}
	}
	most.seen = nil
	v.octets -= most.octets
}

// index is the form of the values in a file: of each name those that its entries have, "" among them where some have
// none. A name whose values are null has too many; one that is missing has none.
func (v *values) index() map[string][]string {
	list := make(map[string][]string, len(v.names))
	for name, of := range v.names {
		if list[name] = nil; of.seen == nil {
			continue
		}
		all := make([]string, 0, len(of.seen)+1)
		for value := range of.seen {
			all = append(all, value)
		}
		if of.entries < v.entries {
			all = append(all, "")
		}
		slices.Sort(all)
		list[name] = all
	}
	return list
}

// lack reports whether no entry of a segment with those values has one that each of the conditions matches. Without
// values nothing is known.
func lack(known map[string][]string, conditions []*condition) bool {
	return known != nil && slices.ContainsFunc(conditions, func(c *condition) bool { return c.lackedBy(known) })
}

func (c *condition) lackedBy(known map[string][]string) bool {
	list, there := known[c.matcher.Name]
	switch {
	case !there:
		return !c.matcher.Matches("")
	case list == nil:
		return false
	}
	return !slices.ContainsFunc(list, c.matcher.Matches)
}

// contents is the index of a closed segment. Those of earlier versions have blocks alone.
type contents struct {
	Blocks []block             `json:"blocks"`
	Values map[string][]string `json:"values"`
}

func readContents(text []byte) (c contents, err error) {
	if len(text) > 0 && text[0] == '[' {
		err = json.Unmarshal(text, &c.Blocks)
		return c, err
	}
	err = json.Unmarshal(text, &c)
	return c, err
}
