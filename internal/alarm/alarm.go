// Package alarm decides what receivers are to be sent of alarms: what makes an alarm active, by what a receiver
// knows it, and which events lead from what a receiver knows to what is true. It has no clock, no disk and no
// network: those who have them hand it a Book.
package alarm

import (
	"cmp"
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

// AtLeast reports whether s is as bad as least. What is Indeterminate may be.
func (s Severity) AtLeast(least Severity) bool { return s <= least }

// Compare is negative where s is worse than other. Indeterminate is the least bad: a severity that is known is
// shown before one that is not.
func (s Severity) Compare(other Severity) int { return cmp.Compare(s.badness(), other.badness()) }

func (s Severity) badness() Severity {
	if s < Critical {
		return Warning + 1
	}
	return s
}

// Alarm is an alarm as receivers are shown it. Its ID is the same from raise to clear, through restarts
// and changes of anything but what it is about: the severity is an attribute (ITU-T X.733).
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

	Description  string `json:"description,omitempty"`
	ClearSummary string `json:"clear_summary,omitempty"` // the summary of the clear
	Reason       string `json:"reason,omitempty"`        // why the alarm was cleared, where that is not its condition
	Gone         bool   `json:"gone,omitempty"`          // in a clear: the row that it was about does not exist

	// What the alarm's rule wants of its notifications, as it was written: names are looked up when they are sent.
	Notification      string    `json:"notification,omitempty"`       // name or OID of the NOTIFICATION-TYPE of the raise
	ClearNotification string    `json:"clear_notification,omitempty"` // and of the clear
	VarBinds          []Binding `json:"varbinds,omitempty"`
	ClearVarBinds     []Binding `json:"clear_varbinds,omitempty"` // in a clear, they come before VarBinds
	Receivers         []string  `json:"receivers,omitempty"`      // with Tags, who is notified; without both, all are
	Tags              []string  `json:"tags,omitempty"`
}

// Binding is a variable binding as a rule has it.
type Binding struct {
	Name  string `json:"name"`           // of an object or an instance, or an OID
	Type  string `json:"type,omitempty"` // empty means that of the object
	Value string `json:"value"`
}

// ID makes an ID of all that distinguishes something from others. The deployment is one word for all
// processes that stand in for each other.
func ID(deployment, rule, target string, labels map[string]string) string {
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

// SeverityLabel is the label that is an attribute of an alarm and no part of its identity.
const SeverityLabel = "severity"

// Key is the identity of an alarm: its name, its target, and its labels but the severity and those that are
// ignored.
func Key(deployment string, a *Alarm, ignored []string) string {
	labels := maps.Clone(a.Labels)
	maps.DeleteFunc(labels, func(name, _ string) bool { return name == SeverityLabel || slices.Contains(ignored, name) })
	return ID(deployment, a.Rule, a.Target, labels)
}

// Text is the summary of an alarm, and why it was cleared.
func (a *Alarm) Text() string {
	if a.Reason == "" {
		return a.Summary
	}
	return a.Summary + " (" + a.Reason + ")"
}

// over begins the summary of a clear that has none of its own.
const over = "over: "

// Over returns the alarm as its clear shows it. Last is the alarm as it was when its condition ended, as far as
// that is known.
func (a Alarm) Over(last *Alarm) Alarm {
	a.Value, a.Reason, a.Gone = last.Value, last.Reason, last.Gone
	a.Description = cmp.Or(last.Description, a.Description)
	if summary := cmp.Or(last.ClearSummary, a.ClearSummary); summary != "" {
		a.Summary = summary
	} else if a.Summary = cmp.Or(last.Summary, a.Summary); !strings.HasPrefix(a.Summary, over) {
		a.Summary = over + a.Summary
	}
	if len(last.VarBinds) > 0 {
		a.VarBinds = last.VarBinds
	}
	if len(last.ClearVarBinds) > 0 {
		a.ClearVarBinds = last.ClearVarBinds
	}
	return a
}

// Size is about how many octets the alarm takes.
func (a *Alarm) Size() int {
	n := 200 + len(a.ID) + len(a.Rule) + len(a.Target) + len(a.Resource) + len(a.Metric) + len(a.Variable) + len(a.Value) + len(a.Condition) +
		len(a.Summary) + len(a.Description) + len(a.ClearSummary) + len(a.Notification) + len(a.ClearNotification)
	for name, value := range a.Labels {
		n += len(name) + len(value) + 6
	}
	for _, list := range [][]Binding{a.VarBinds, a.ClearVarBinds} {
		for _, b := range list {
			n += len(b.Name) + len(b.Type) + len(b.Value) + 30
		}
	}
	for _, list := range [][]string{a.Receivers, a.Tags} {
		for _, word := range list {
			n += len(word) + 3
		}
	}
	return n
}
