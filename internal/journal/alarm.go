package journal

import (
	"cmp"
	"time"

	"trapline/internal/alarm"
)

// OfAlarm returns an entry about an alarm.
func OfAlarm(kind string, a *alarm.Alarm) Event {
	return Event{Kind: kind, Alarm: a.ID, Rule: a.Rule, Target: a.Target, Resource: a.Resource, Severity: a.Severity.String()}
}

// OfActive returns an entry about an active alarm, with its value and text.
func OfActive(kind string, a *alarm.Alarm) Event {
	e := OfAlarm(kind, a)
	e.Value, e.Text = a.Value, a.Text()
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
