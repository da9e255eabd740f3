// Package journal keeps what happened: alarms that were raised, changed and cleared, who was notified of them and
// when, reloads, and states of targets. Entries are numbered in the order in which they happened. They lie in
// compressed segments of a directory, each entry once, whatever becomes of the process; queries go from the newest
// back and read only what may match.
package journal

import (
	"encoding/json"
	"time"
)

// The kinds of entries.
const (
	Raised       = "raised"
	Changed      = "changed" // severity or text
	Cleared      = "cleared"
	Sent         = "sent" // to a receiver that never acknowledges
	Acknowledged = "acknowledged"
	GivenUp      = "given_up"
	Reload       = "reload"
	TargetState  = "target_state"
)

// Entry is something that happened.
type Entry struct {
	Seq          uint64    `json:"seq"`
	At           time.Time `json:"at"`
	Kind         string    `json:"kind"`
	Alarm        string    `json:"alarm,omitempty"` // ID
	Rule         string    `json:"rule,omitempty"`
	Target       string    `json:"target,omitempty"`
	Resource     string    `json:"resource,omitempty"`
	Severity     string    `json:"severity,omitempty"`
	Receiver     string    `json:"receiver,omitempty"`
	Event        string    `json:"event,omitempty"`        // ID of the notification
	Notification string    `json:"notification,omitempty"` // kind of the notification: raise, change, clear …
	Millis       float64   `json:"ms,omitempty"`           // from sending to acknowledgement, or from raise to clear
	Tries        int       `json:"tries,omitempty"`        // messages
	Value        string    `json:"value,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why it was cleared or given up
	Text         string    `json:"text,omitempty"`
}

// keys are what an entry is found by.
func (e *Entry) keys() []uint64 {
	list := make([]uint64, 0, 5)
	for _, k := range [...]struct{ field, value string }{
		{fieldKind, e.Kind}, {fieldAlarm, e.Alarm}, {fieldRule, e.Rule}, {fieldTarget, e.Target}, {fieldReceiver, e.Receiver},
	} {
		if k.value != "" {
			list = append(list, hashOf(k.field, k.value))
		}
	}
	return list
}

// The names of the fields that entries are found by, in JSON.
const (
	fieldKind     = "kind"
	fieldAlarm    = "alarm"
	fieldRule     = "rule"
	fieldTarget   = "target"
	fieldReceiver = "receiver"
)

// line is the entry as a line of a segment.
func (e *Entry) line() []byte {
	text, _ := json.Marshal(e) // which has nothing in it that could fail
	return append(text, '\n')
}
