package notify

import (
	"fmt"
	"maps"
	"slices"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
)

// matches returns the filter of the receiver.
func (r *ReceiverSettings) matches() func(*alarm.Alarm) bool {
	least, filters := alarm.Severities[r.MinSeverity]
	return func(a *alarm.Alarm) bool {
		if !queue.Wants(a, r.Name, r.Tags) {
			return false
		}
		if filters && !a.Severity.AtLeast(least) {
			return false
		}
		for name, pattern := range r.Labels {
			if !pattern.MatchString(a.Labels[name]) {
				return false
			}
		}
		return true
	}
}

// SameAddress returns warnings about receivers that are sent the same alarms to one address.
func SameAddress(list []ReceiverSettings) (warnings []string) {
	first := map[string]string{}
	for i := range list {
		r := &list[i]
		at := string(r.URL)
		if a, err := access.ParseReceiver(r.Address); err == nil && r.Address != "" {
			at = a.String()
		}
		at += fmt.Sprint(r.Labels, r.Tags, r.MinSeverity, r.Group)
		if other := first[at]; other != "" && (r.Address != "" || r.URL != "") {
			warnings = append(warnings, fmt.Sprintf("receivers %q and %q have the same address and filters: each alarm is sent there twice", other, r.Name))
			continue
		}
		first[at] = r.Name
	}
	return warnings
}

// alarmLabels are labels that alarms have whatever their rules and targets are.
var alarmLabels = []string{"alertname", "target", "instance", "address", "severity"}

// MisspelledLabels returns warnings about labels that are none of the known ones, but are like one of them. Other
// unknown labels may be of alerts that Prometheus or Alertmanager sends.
func (r *ReceiverSettings) MisspelledLabels(known []string) (warnings []string) {
	known = slices.Concat(alarmLabels, known)
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if slices.Contains(known, name) {
			continue
		}
		if question := setting.DidYouMean(name, known); question != "" {
			warnings = append(warnings, fmt.Sprintf("receiver %q: labels: no target, rule or metric has the label %.40q: %s", r.Name, name, question))
		}
	}
	return warnings
}
