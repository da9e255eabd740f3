// Package journal stores events: alarms that were raised, changed and cleared, the notifications of receivers, reloads,
// and states of targets. Events are numbered in their order. They are stored in compressed segments of a directory,
// each event once, across restarts; queries start at the newest and read only blocks that may match.
package journal

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
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
	Muted        = "muted"
	Unmuted      = "unmuted"
	Ack          = "ack" // by a person, of an alarm
	AckEnded     = "ack_ended"
	SilenceBegun = "silence_begun"
	SilenceEnded = "silence_ended"
	WindowBegun  = "maintenance_begun"
	WindowEnded  = "maintenance_ended"
	Reload       = "reload"
	TargetState  = "target_state"
	Listed       = "listed" // added, gone or at another address by lists of targets
	Trap         = "trap"   // of a device; bounded to some a second
)

// Kinds are all kinds of entries.
var Kinds = []string{
	Raised, Changed, Cleared, Sent, Acknowledged, GivenUp, Muted, Unmuted, Ack, AckEnded, SilenceBegun, SilenceEnded,
	WindowBegun, WindowEnded, Reload, TargetState, Listed, Trap,
}

// Event is an entry of the journal.
type Event struct {
	Seq          uint64    `json:"seq"`
	At           time.Time `json:"at"`
	Kind         string    `json:"kind"` // one of those of the parameter kind of /api/v1/events
	Alarm        string    `json:"alarm,omitempty"`
	Rule         string    `json:"rule,omitempty"`
	Target       string    `json:"target,omitempty"`
	Resource     string    `json:"resource,omitempty"`
	Severity     string    `json:"severity,omitempty"`
	Receiver     string    `json:"receiver,omitempty"`
	Event        string    `json:"event,omitempty"`        // ID of the notification
	Notification string    `json:"notification,omitempty"` // its kind: raise, change, clear, resync
	Millis       float64   `json:"ms,omitempty"`           // from sending to acknowledgement, or from raise to clear
	Tries        int       `json:"tries,omitempty"`        // messages
	Value        string    `json:"value,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why it was cleared, muted or given up
	Text         string    `json:"text,omitempty"`

	Member string   `json:"member,omitempty"` // of the cluster that has the entry in its journal, in answers of all
	Behind []string `json:"behind,omitempty"` // the first 20 targets that are down because the alarm's is

	// Labels are those of the alarm without alertname, target and severity, which have fields of their own. They are the
	// last field of a line: see lineLabel.
	Labels map[string]string `json:"labels,omitempty"`
}

// keys returns the hashes by which an event is found.
func (e *Event) keys() []uint64 {
	list := make([]uint64, 0, 5+len(e.Labels))
	for _, k := range [...]struct{ field, value string }{
		{fieldKind, e.Kind}, {fieldAlarm, e.Alarm}, {fieldRule, e.Rule}, {fieldTarget, e.Target}, {fieldReceiver, e.Receiver},
	} {
		if k.value != "" {
			list = append(list, hashOf(k.field, k.value))
		}
	}
	for name, value := range e.Labels {
		list = append(list, hashOf(name, value))
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

// keyFields are the fields that blocks have keys of.
var keyFields = [...]string{fieldKind, fieldAlarm, fieldRule, fieldTarget, fieldReceiver}

// AppendLine appends the entry in JSON, as json.Marshal writes it, and the end of the line. It is written in the
// transactions of the outbox, where time counts.
func (e *Event) AppendLine(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"at":"`...)
	b = e.At.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","kind":`...)
	b = appendString(b, e.Kind)
	b = appendField(b, fieldAlarm, e.Alarm)
	b = appendField(b, fieldRule, e.Rule)
	b = appendField(b, fieldTarget, e.Target)
	b = appendField(b, "resource", e.Resource)
	b = appendField(b, "severity", e.Severity)
	b = appendField(b, fieldReceiver, e.Receiver)
	b = appendField(b, "event", e.Event)
	b = appendField(b, "notification", e.Notification)
	if e.Millis != 0 {
		text, _ := json.Marshal(e.Millis) // of a duration
		b = append(append(b, `,"ms":`...), text...)
	}
	if e.Tries != 0 {
		b = strconv.AppendInt(append(b, `,"tries":`...), int64(e.Tries), 10)
	}
	b = appendField(b, "value", e.Value)
	b = appendField(b, "reason", e.Reason)
	b = appendField(b, "text", e.Text)
	if len(e.Behind) > 0 {
		names, _ := json.Marshal(e.Behind) // which is always possible
		b = append(append(b, `,"behind":`...), names...)
	}
	b = appendLabels(b, e.Labels)
	return append(b, '}', '\n')
}

func appendLabels(b []byte, labels map[string]string) []byte {
	if len(labels) == 0 {
		return b
	}
	b = append(b, labelsStart...)
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = appendString(b, labels[name])
	}
	return append(b, '}')
}

func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), '"', ':')
	return appendString(b, value)
}

// appendString appends a string of JSON.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // which is always possible
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}
