package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Severity is a perceived severity of ITU-T X.733, in the numbers of RFC 3877.
type Severity int

// The severities. Lower is worse, but for the first two.
const (
	Cleared       Severity = 1
	Indeterminate Severity = 2
	Critical      Severity = 3
	Major         Severity = 4
	Minor         Severity = 5
	Warning       Severity = 6
)

var severityNames = map[Severity]string{
	Cleared: "cleared", Indeterminate: "indeterminate", Critical: "critical", Major: "major", Minor: "minor", Warning: "warning",
}

func (s Severity) String() string { return severityNames[s] }

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

// AtLeast tells whether s is as bad as least. What is Indeterminate may be.
func (s Severity) AtLeast(least Severity) bool { return s <= least }

// Alarm is something that is wrong for a while. Its ID is the same from raise to clear, through restarts
// and changes of anything but what it is about.
type Alarm struct {
	ID        string            `json:"id"`
	Rule      string            `json:"rule"`
	Target    string            `json:"target,omitempty"`
	Address   netip.Addr        `json:"address,omitzero"` // of the device
	Resource  string            `json:"resource,omitempty"`
	Metric    string            `json:"metric,omitempty"`
	Variable  string            `json:"variable,omitempty"` // the OID of the instance, in numbers
	Value     string            `json:"value,omitempty"`
	Condition string            `json:"condition,omitempty"`
	Severity  Severity          `json:"severity"`
	Summary   string            `json:"summary"`
	Labels    map[string]string `json:"labels,omitempty"`
	RaisedAt  time.Time         `json:"raised_at"`

	Description string `json:"description,omitempty"`
	Reason      string `json:"reason,omitempty"` // why the alarm is over, where that is not its condition

	// What the alarm's rule wants of its notifications, as it was written: names are looked up when it is told.
	Notification      string    `json:"notification,omitempty"`       // name or OID of the NOTIFICATION-TYPE of the raise
	ClearNotification string    `json:"clear_notification,omitempty"` // and of the clear
	VarBinds          []Binding `json:"varbinds,omitempty"`
	ClearVarBinds     []Binding `json:"clear_varbinds,omitempty"` // in a clear, they come before VarBinds
	Receivers         []string  `json:"receivers,omitempty"`      // with Tags, who is told; without both, all are
	Tags              []string  `json:"tags,omitempty"`
}

// Binding is a variable binding as a rule has it.
type Binding struct {
	Name  string `json:"name"`           // of an object or an instance, or an OID
	Type  string `json:"type,omitempty"` // see typeWords; empty means that of the object
	Value string `json:"value"`
}

// AlarmID makes an ID of all that tells an alarm from others. The deployment is one word for all
// processes that stand in for each other.
func AlarmID(deployment, rule, target string, labels map[string]string) string {
	h := sha256.New()
	write := func(text string) { fmt.Fprintf(h, "%d:%s", len(text), text) }
	write(deployment)
	write(rule)
	write(target)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		write(name)
		write(labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Kind is what an event says.
type Kind string

// The kinds of events. Heartbeat and Resync are about no alarm.
const (
	Raise     Kind = "raise"
	Clear     Kind = "clear"
	Change    Kind = "change"
	Heartbeat Kind = "heartbeat" // we are alive
	Resync    Kind = "resync"    // events were lost, or we started: read the active alarms again
	Test      Kind = "test"
)

// Event is what a receiver is told.
type Event struct {
	ID      string    `json:"id"` // unique, and the same whenever the event is sent again
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Alarm   Alarm     `json:"alarm,omitzero"`
	Repeat  int       `json:"repeat,omitempty"`  // how often the alarm was told before
	Dropped int       `json:"dropped,omitempty"` // of a Resync: events that were lost
	Active  int       `json:"active,omitempty"`  // of a Heartbeat: alarms that are active,
	Queued  int       `json:"queued,omitempty"`  // and events that wait for the receiver
}

// TestEvent tells a receiver that it can be told.
func TestEvent(now time.Time) *Event {
	return &Event{ID: fmt.Sprintf("test-%d", now.UnixNano()), Kind: Test, At: now, Alarm: Alarm{
		ID: AlarmID("", "test", "", nil), Rule: "test", Severity: Indeterminate, Summary: "Trapline can tell this receiver", RaisedAt: now,
	}}
}
