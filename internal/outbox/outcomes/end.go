package outcomes

import (
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox/queue"
)

// End is the outcome of an event for a receiver. That of a delivered event is only in memory and in the journal: storing the
// view again would write another page of the database.
type End struct {
	At      alarm.Place
	Event   string
	Sent    time.Time
	Took    time.Duration
	Tries   int
	GivenUp string
}

// On returns a copy of a view with the outcome of its event.
func (end *End) On(v *alarm.View) *alarm.View {
	c := *v
	c.Sent, c.Took, c.Tries, c.GivenUp = end.Sent, end.Took.Seconds(), end.Tries, end.GivenUp
	return &c
}

// entry returns the entry of the journal for the outcome of an event for a receiver. It has no kind if there is none.
func entry(kind, receiver string, r *queue.Row) journal.Event {
	if r.Kind == alarm.Heartbeat {
		return journal.Event{}
	}
	e := journal.Event{Kind: kind, Receiver: receiver, Event: r.ID, Notification: string(r.Kind), Tries: r.Tries()}
	if r.Alarm.ID != "" {
		a := journal.OfAlarm(kind, &r.Alarm)
		e.Alarm, e.Rule, e.Target, e.Resource, e.Severity = a.Alarm, a.Rule, a.Target, a.Resource, a.Severity
	}
	if r.Kind == alarm.Forward {
		e.Target, e.Value = r.Alarm.Target, r.Alarm.Notification
	}
	return e
}

// Delivered returns the entry for an event that was acknowledged, or sent if the receiver never acknowledges.
func Delivered(receiver string, r *queue.Row, took time.Duration) journal.Event {
	if took <= 0 {
		return entry(journal.Sent, receiver, r)
	}
	e := entry(journal.Acknowledged, receiver, r)
	e.Millis = float64(took.Microseconds()) / 1000
	return e
}

// GivenUp returns the entry for an event that was given up.
func GivenUp(receiver string, r *queue.Row, why string) journal.Event {
	e := entry(journal.GivenUp, receiver, r)
	e.Reason = why
	return e
}
