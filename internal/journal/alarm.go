package journal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// OfAlarm returns an entry about an alarm.
func OfAlarm(kind string, a *alarm.Alarm) Event {
	return Event{Kind: kind, Alarm: a.ID, Rule: a.Rule, Target: a.Target, Resource: a.Resource, Severity: a.Severity.String(), Labels: labelsOf(a)}
}

// maxLabels is how many labels an entry has.
const maxLabels = 64

// labelsOf returns the labels of an alarm without those that entries have as fields; of too many the first ones.
func labelsOf(a *alarm.Alarm) map[string]string {
	labels := make(map[string]string, len(a.Labels))
	for name, value := range a.Labels {
		if value != "" && !slices.Contains(ownFields, name) {
			labels[name] = value
		}
	}
	if len(labels) > maxLabels {
		for _, name := range slices.Sorted(maps.Keys(labels))[maxLabels:] {
			delete(labels, name)
		}
	}
	return labels
}

// OfActive returns an entry about an active alarm, with its value and text, and the targets behind its own.
func OfActive(kind string, a *alarm.Alarm) Event {
	e := OfAlarm(kind, a)
	e.Value, e.Text = a.Value, a.Text()
	if a.Behind != nil {
		e.Behind = a.Behind.Names
	}
	return e
}

// OfCleared returns the entry of a cleared alarm, with the value and the text of its condition at the end.
func OfCleared(a, end *alarm.Alarm, now time.Time) Event {
	over := a.Over(end)
	e := OfAlarm(Cleared, a)
	e.Value, e.Text, e.Reason = over.Value, over.Summary, cmp.Or(over.Reason, conditionOver)
	e.Millis = float64(max(0, now.Sub(a.RaisedAt)).Milliseconds())
	return e
}

const conditionOver = "condition over"
