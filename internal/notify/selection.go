package notify

import (
	"fmt"
	"maps"
	"slices"

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
