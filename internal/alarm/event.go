package alarm

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of events that are about no alarm, or about one that does not exist.
const (
	Heartbeat Kind = "heartbeat" // we are alive
	Resync    Kind = "resync"    // events were lost, or we started: read the active alarms again
	Test      Kind = "test"
	Forward   Kind = "forward" // a notification that was received, and is passed on
)

// Severities maps the common values of the label `severity`.
var Severities = map[string]Severity{
	"critical": Critical, "error": Major, "high": Major, "page": Critical, "major": Major,
	"minor": Minor, "warning": Warning, "warn": Warning, "info": Warning, "low": Warning,
}

// ParseSeverity returns the severity of a label value, Indeterminate if it is unknown.
func ParseSeverity(word string) Severity {
	if s, ok := Severities[strings.ToLower(word)]; ok {
		return s
	}
	return Indeterminate
}

// Event is an event sent to a receiver.
type Event struct {
	ID      string    `json:"id"` // unique, and the same whenever the event is sent again
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Alarm   Alarm     `json:"alarm,omitzero"`
	Repeat  int       `json:"repeat,omitempty"`  // how often the alarm was sent before
	Dropped int       `json:"dropped,omitempty"` // of a Resync: events that were lost
	Active  int       `json:"active,omitempty"`  // of a Heartbeat: alarms that are active,
	Queued  int       `json:"queued,omitempty"`  // and events that wait for the receiver
	Trap    []byte    `json:"trap,omitempty"`    // of a Forward: its variable bindings, with SysUpTime.0 and SNMPTrapOID.0
}

// TestEvent shows whether a receiver is reached.
func TestEvent(now time.Time) *Event {
	return &Event{ID: fmt.Sprintf("test-%d", now.UnixNano()), Kind: Test, At: now, Alarm: Alarm{
		ID: ID("", "test", "", nil), Rule: "test", Severity: Indeterminate, Summary: "This is a test of Trapline", RaisedAt: now,
	}}
}

// The rules of alarms that a member of a cluster has about itself.
const (
	Storm         = "TraplineStorm"         // many alarms at once
	WithoutQuorum = "TraplineWithoutQuorum" // it cannot reach the cluster
)

// OfProcess reports whether alarms of a rule are of the process that raises them, and stay with it.
func OfProcess(rule string) bool { return rule == Storm || rule == WithoutQuorum }
