package notify

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// matches returns the filter of the receiver.
func (r *ReceiverSettings) matches(targets TargetLabels) func(*alarm.Alarm) bool {
	least, filters := alarm.Severities[r.MinSeverity]
	return func(a *alarm.Alarm) bool {
		if !queue.Wants(a, r.Name, r.Tags) {
			return false
		}
		if filters && !a.Severity.AtLeast(least) {
			return false
		}
		labels := mute.Labels{Alarm: a, Target: targets.of(a.Target)}
		for name, pattern := range r.Labels {
			if !pattern.MatchString(labels.Get(name)) {
				return false
			}
		}
		return true
	}
}

// SameAddress returns warnings about receivers that are sent the same alarms to one address.
func SameAddress(list []ReceiverSettings) (warnings []string) {
	first := map[string]*ReceiverSettings{}
	for i := range list {
		r := &list[i]
		at := string(r.URL)
		if a, err := access.ParseReceiver(r.Address); err == nil && r.Address != "" {
			at = a.String()
		}
		at += fmt.Sprint(r.Labels, r.Tags, r.MinSeverity)
		if other := first[at]; other == nil {
			first[at] = r
		} else if (r.Address != "" || r.URL != "") && (r.Group == "" || r.Group != other.Group) {
			warnings = append(warnings, fmt.Sprintf("receivers %q and %q have the same address and filters: each alarm is sent there twice", other.Name, r.Name))
		}
	}
	return warnings
}

// alarmLabels are labels that alarms have whatever their rules and targets are.
var alarmLabels = []string{"alertname", "target", "instance", "address", "severity"}

// MisspelledLabels returns warnings about labels that are none of the known ones, but are like one of them. Other
// unknown labels may be of alerts that Prometheus or Alertmanager sends. where is the setting that has the labels.
func MisspelledLabels(where string, names iter.Seq[string], known []string) (warnings []string) {
	known = slices.Concat(alarmLabels, known)
	for _, name := range slices.Sorted(names) {
		if slices.Contains(known, name) {
			continue
		}
		if question := setting.DidYouMean(name, known); question != "" {
			warnings = append(warnings, fmt.Sprintf("%s: no target, rule or metric has the label %.40q: %s", where, name, question))
		}
	}
	return warnings
}

// ForwardSettings says which notifications that `listen` receives are passed on to a receiver, as RFC 3584 has it.
type ForwardSettings struct {
	Traps []string                          `yaml:"traps,omitempty"` // notifications by name, OID or all below one as in 1.3.6.1.4.1.9.*; * for all
	From  map[string]setting.AnchoredRegexp `yaml:"from,omitempty"`  // expressions that must match whole values of labels of the target; target is its name
}

// Check returns the names in the settings that MIBs do not have.
func (s *ForwardSettings) Check(names varbind.Names) []setting.Problem {
	var m setting.Problems
	for i, name := range s.Traps {
		if _, err := names.Pattern(name); err != nil {
			m.Add(fmt.Sprintf("traps[%d]", i), "%v", err)
		}
	}
	if len(s.Traps) == 0 && len(s.From) > 0 {
		m.Add("", "forward needs traps: write traps: [\"*\"], or names")
	}
	return m
}

// forwards returns the filter of the notifications that are passed on, nil if none are.
func (s *ForwardSettings) forwards(names varbind.Names) func(*alarm.Event) bool {
	if len(s.Traps) == 0 {
		return nil
	}
	var patterns []varbind.Pattern
	for _, name := range s.Traps {
		if p, err := names.Pattern(name); err == nil { // Check reports others
			patterns = append(patterns, p)
		}
	}
	from := slices.Sorted(maps.Keys(s.From))
	return func(e *alarm.Event) bool {
		oid, err := snmp.ParseOID(e.Alarm.Notification)
		if err != nil || !slices.ContainsFunc(patterns, func(p varbind.Pattern) bool { return p.Matches(oid) }) {
			return false
		}
		return !slices.ContainsFunc(from, func(label string) bool {
			value := e.Alarm.Labels[label]
			if label == "target" {
				value = e.Alarm.Target
			}
			return !s.From[label].Compiled().MatchString(value)
		})
	}
}
