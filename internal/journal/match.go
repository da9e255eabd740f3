package journal

import (
	"bytes"
	"encoding/json"

	"trapline/internal/mute"
)

// ownFields are labels that are fields of entries alone.
var ownFields = []string{"alertname", fieldTarget, "severity"}

// Label returns the value of an entry that a matcher compares: of alertname, target and severity the field; else the
// label of the alarm, or without it the field kind, alarm, rule, resource, receiver, event, notification or reason.
func (e *Event) Label(name string) string {
	if value, ok := e.Labels[name]; ok {
		return value
	}
	switch name {
	case "alertname", fieldRule:
		return e.Rule
	case fieldTarget:
		return e.Target
	case "severity":
		return e.Severity
	case fieldKind:
		return e.Kind
	case fieldAlarm:
		return e.Alarm
	case fieldReceiver:
		return e.Receiver
	case "resource":
		return e.Resource
	case "event":
		return e.Event
	case "notification":
		return e.Notification
	case "reason":
		return e.Reason
	}
	return ""
}

// fieldOf returns the name in a line of the field that Label returns for a name, "" if there is none.
func fieldOf(name string) string {
	switch name {
	case "alertname":
		return fieldRule
	case fieldRule, fieldTarget, "severity", fieldKind, fieldAlarm, fieldReceiver, "resource", "event", "notification", "reason":
		return name
	}
	return ""
}

// labelsStart begins the labels in a line. Quotation marks within values are escaped, so that it occurs nowhere else.
var labelsStart = []byte(`,"labels":{`)

// condition is a matcher, prepared for lines.
type condition struct {
	matcher      *mute.Matcher
	label, field []byte          // the label and the field in a line, up to the value; nil: no such field
	known        map[string]bool // results by value
}

// maxKnown is how many results are kept.
const maxKnown = 10_000

func newCondition(m *mute.Matcher) *condition {
	c := &condition{matcher: m, known: map[string]bool{}, label: key(m.Name)}
	if field := fieldOf(m.Name); field != "" {
		c.field = key(field)
	}
	return c
}

// key returns a name as a line has it, up to the value.
func key(name string) []byte {
	text, _ := json.Marshal(name) // which is always possible
	return append(text, ':', '"')
}

// matches reports whether a line has a value that the matcher matches. It decodes no more of it.
func (c *condition) matches(line []byte) bool {
	fields, own := line, []byte(nil)
	if i := bytes.Index(line, labelsStart); i >= 0 {
		fields, own = line[:i], line[i+len(labelsStart):]
	}
	value, found := cutValue(own, c.label)
	if !found && c.field != nil {
		value, _ = cutValue(fields, c.field)
	}
	matches, known := c.known[string(value)]
	if !known {
		matches = c.matcher.Matches(unquoted(value))
		if len(c.known) < maxKnown {
			c.known[string(value)] = matches
		}
	}
	return matches
}

// cutValue returns the value behind a key, still with its escapes.
func cutValue(text, key []byte) (value []byte, found bool) {
	for {
		i := bytes.Index(text, key)
		if i < 0 {
			return nil, false
		}
		inside := escaped(text, i) // of a longer name
		if text = text[i+len(key):]; !inside {
			break
		}
	}
	for end, c := range text {
		if c == '"' && !escaped(text, end) {
			return text[:end], true
		}
	}
	return text, true
}

// escaped reports whether an odd number of backslashes stands before an octet.
func escaped(text []byte, at int) bool {
	n := 0
	for n < at && text[at-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

func unquoted(value []byte) (text string) {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value)
	}
	_ = json.Unmarshal(append(append([]byte{'"'}, value...), '"'), &text) // a damaged one is empty
	return text
}

// matchesAll reports whether an entry has values that all matchers match.
func (e *Event) matchesAll(m mute.Matchers) bool {
	for _, one := range m {
		if !one.Matches(e.Label(one.Name)) {
			return false
		}
	}
	return true
}
