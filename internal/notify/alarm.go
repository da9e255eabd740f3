package notify

import (
	"fmt"
	"strings"
	"time"

	"trapline/internal/alarm"
)

// What alarms are is decided in their own room.
type (
	Alarm    = alarm.Alarm
	Binding  = alarm.Binding
	Severity = alarm.Severity
	Kind     = alarm.Kind
)

// The severities.
const (
	Cleared       = alarm.Cleared
	Indeterminate = alarm.Indeterminate
	Critical      = alarm.Critical
	Major         = alarm.Major
	Minor         = alarm.Minor
	Warning       = alarm.Warning
)

// The kinds of events. Heartbeat and Resync are about no alarm.
const (
	Raise          = alarm.Raise
	Clear          = alarm.Clear
	Change         = alarm.Change
	Heartbeat Kind = "heartbeat" // we are alive
	Resync    Kind = "resync"    // events were lost, or we started: read the active alarms again
	Test      Kind = "test"
)

// severityWords are what rules commonly have in the label `severity`.
var severityWords = map[string]Severity{
	"critical": Critical, "error": Major, "high": Major, "page": Critical, "major": Major,
	"minor": Minor, "warning": Warning, "warn": Warning, "info": Warning, "low": Warning,
}

// ParseSeverity reads the label `severity`; what it does not know is Indeterminate.
func ParseSeverity(word string) Severity {
	if s, ok := severityWords[strings.ToLower(word)]; ok {
		return s
	}
	return Indeterminate
}

// AlarmID makes an ID of all that distinguishes an alert from others. The deployment is one word for all
// processes that stand in for each other.
func AlarmID(deployment, rule, target string, labels map[string]string) string {
	return alarm.ID(deployment, rule, target, labels)
}

// Event is what a receiver is sent.
type Event struct {
	ID      string    `json:"id"` // unique, and the same whenever the event is sent again
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Alarm   Alarm     `json:"alarm,omitzero"`
	Repeat  int       `json:"repeat,omitempty"`  // how often the alarm was sent before
	Dropped int       `json:"dropped,omitempty"` // of a Resync: events that were lost
	Active  int       `json:"active,omitempty"`  // of a Heartbeat: alarms that are active,
	Queued  int       `json:"queued,omitempty"`  // and events that wait for the receiver
}

// TestEvent shows whether a receiver is reached.
func TestEvent(now time.Time) *Event {
	return &Event{ID: fmt.Sprintf("test-%d", now.UnixNano()), Kind: Test, At: now, Alarm: Alarm{
		ID: AlarmID("", "test", "", nil), Rule: "test", Severity: Indeterminate, Summary: "This is a test of Trapline", RaisedAt: now,
	}}
}
