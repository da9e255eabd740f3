// Package alarm computes the events to send to receivers: from the conditions of an alarm, the key
// by which a receiver identifies it, and the state last sent to the receiver. It has no clock, disk
// or network: its callers implement Store.
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

// Severity is a perceived severity of ITU-T X.733, with the numbers of RFC 3877.
type Severity int

// The severities. From Critical on, lower is more severe.
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

// AtLeast reports whether s is at least as severe as least. Indeterminate always is.
func (s Severity) AtLeast(least Severity) bool { return s <= least }

// Compare returns a negative number if s is more severe than other. Indeterminate is the least
// severe, so that a known severity takes precedence.
func (s Severity) Compare(other Severity) int { return cmp.Compare(s.badness(), other.badness()) }

func (s Severity) badness() Severity {
	if s < Critical {
		return Warning + 1
	}
	return s
}

// Alarm is an alarm as sent to receivers. Its ID is the same from raise to clear, across restarts
// and changes of its attributes; the severity is an attribute (ITU-T X.733).
type Alarm struct {
	ID        string            `json:"id"`
	Number    uint64            `json:"-"` // see State
	Shard     string            `json:"-"` // of a cluster, in which a condition is stored; empty: that of the target
	Rule      string            `json:"rule"`
	Target    string            `json:"target,omitempty"`
	Address   netip.Addr        `json:"address,omitzero"` // of the device
	Resource  string            `json:"resource,omitempty"`
	Metric    string            `json:"metric,omitempty"`
	Variable  string            `json:"variable,omitempty"` // OID of the instance, numeric
	Value     string            `json:"value,omitempty"`
	Condition string            `json:"condition,omitempty"`
	Severity  Severity          `json:"severity"`
	Summary   string            `json:"summary"`
	Labels    map[string]string `json:"labels,omitempty"`
	RaisedAt  time.Time         `json:"raised_at"`

	Behind *Behind `json:"behind,omitempty"` // what is behind the device that the alarm is about
	Ack    *Ack    `json:"ack,omitempty"`    // nil unless a person has acknowledged it

	Description  string `json:"description,omitempty"`
	ClearSummary string `json:"clear_summary,omitempty"` // summary of the clear
	Reason       string `json:"reason,omitempty"`        // why the alarm was cleared, unless its condition ended
	Gone         bool   `json:"gone,omitempty"`          // in a clear: the row no longer exists
	Stale        bool   `json:"stale,omitempty"`         // in a clear without ClearVarBinds: VarBinds are those of the raise, and nobody knows what became of them

	// The notification settings of the alarm's rule, as configured: names are resolved on sending.
	Notification      string    `json:"notification,omitempty"`       // name or OID of the NOTIFICATION-TYPE of the raise
	ClearNotification string    `json:"clear_notification,omitempty"` // the same for the clear
	VarBinds          []Binding `json:"varbinds,omitempty"`
	ClearVarBinds     []Binding `json:"clear_varbinds,omitempty"` // in a clear, precede VarBinds
	Receivers         []string  `json:"receivers,omitempty"`      // with Tags: who is notified; all receivers if both are empty
	Tags              []string  `json:"tags,omitempty"`
}

// Binding is a variable binding configured in a rule.
type Binding struct {
	Name  string `json:"name"`           // of an object or an instance, or a numeric OID
	Type  string `json:"type,omitempty"` // defaults to the type of the object
	Value string `json:"value"`
}

// ID returns a hash of deployment, rule, target and labels. All processes of a failover pair have
// the same deployment.
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

// SeverityLabel is the label that is an attribute of an alarm and not part of its identity.
const SeverityLabel = "severity"

// Key returns the identity of an alarm: a hash of its rule, its target, and its labels without the
// severity and the ignored ones.
func Key(deployment string, a *Alarm, ignored []string) string {
	labels := maps.Clone(a.Labels)
	maps.DeleteFunc(labels, func(name, _ string) bool { return name == SeverityLabel || slices.Contains(ignored, name) })
	return ID(deployment, a.Rule, a.Target, labels)
}

// Text returns the summary of an alarm, with the reason of a clear.
func (a *Alarm) Text() string {
	if a.Reason == "" {
		return a.Summary
	}
	return a.Summary + " (" + a.Reason + ")"
}

// over is the prefix of the default summary of a clear.
const over = "over: "

// Over returns the alarm as sent in its clear. last is the alarm when its condition ended; its
// fields may be empty.
func (a Alarm) Over(last *Alarm) Alarm {
	a.Value, a.Reason, a.Gone = last.Value, last.Reason, last.Gone
	a.Stale = last.Value == "" && len(last.VarBinds) == 0 && len(a.ClearVarBinds) == 0 && !last.Gone
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

// Size returns the approximate size of the alarm in octets.
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
