package outbox

import (
	"cmp"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
)

// look returns the state as others look at it.
func (st *state) look() *standing.Outbox {
	return &standing.Outbox{Queues: st.queues, Views: st.views, Mutes: st.mutes, Causes: st.causes, Outages: st.outages, Short: st.short, Clock: &st.clock}
}

// standingsAtOnce is how many alarms Standings looks at while nothing else can: no delivery waits for all of them.
const standingsAtOnce = 256

// Standings returns the active alarms for which wanted returns true, the oldest first; all of them if wanted is nil. The
// alarms are those of one moment, and the states of their notifications are of moments soon after. Alarms that end
// meanwhile are missing.
func (o *Outbox) Standings(wanted func(*alarm.Alarm) bool) []standing.Standing {
	all := o.aged()
	if wanted != nil {
		all = slices.DeleteFunc(all, func(one aged) bool { return !wanted(one.alarm) })
	}
	list := make([]standing.Standing, 0, len(all))
	for some := range slices.Chunk(all, standingsAtOnce) {
		o.mu.Lock()
		look := o.state.look()
		for _, one := range some {
			if s := o.state.active[one.key]; s != nil {
				list = append(list, look.Of(s, one.alarm))
			}
		}
		o.mu.Unlock()
	}
	return list
}

// Quiet counts the active alarms that are muted or acknowledged.
func (o *Outbox) Quiet() alarm.Quiet {
	o.mu.Lock()
	defer o.mu.Unlock()
	return alarm.CountQuiet(o.state.active)
}

// Identify returns the ID of the alarm to which a condition belongs.
func (o *Outbox) Identify(a *alarm.Alarm) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := cmp.Or(o.state.sources[a.ID], o.state.key(a))
	if s := o.state.active[key]; s != nil {
		return s.ID
	}
	return key
}

// Receivers returns the states of the receivers, in the order of the configuration.
func (o *Outbox) Receivers() ([]standing.ReceiverState, error) {
	o.mu.Lock()
	now, look := o.state.clock.Wall(), o.state.look()
	list := make([]standing.ReceiverState, 0, len(o.state.queues))
	for _, q := range o.state.queues {
		s := look.Receiver(q, now)
		s.Today, s.GivenUp = o.state.today.Of(q.Name, now), len(o.state.buried[q.Name])
		list = append(list, s)
	}
	o.mu.Unlock()
	return list, nil
}

// QueuedEvent is an event that waits for a receiver.
type QueuedEvent struct {
	alarm.Event
	Tries int
	Err   error // of the last try
}

// Queue returns up to limit events that wait for a receiver, the oldest first.
func (o *Outbox) Queue(receiver string, limit int) ([]QueuedEvent, error) {
	q, err := o.lookup(receiver)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	rows := q.Rows()
	list := make([]QueuedEvent, 0, min(limit, len(rows)))
	for _, r := range rows[:min(limit, len(rows))] {
		list = append(list, QueuedEvent{r.Event, r.Tries(), r.Err()})
	}
	return list, nil
}

// Queued is a notification that was queued for a receiver.
type Queued struct {
	Receiver  string
	Event     alarm.Event
	RequestID int32
}

// TakeQueued removes all notifications from the queues without sending them. It returns them, the oldest first. The
// outbox must not run. The database keeps the notifications.
func (o *Outbox) TakeQueued() (list []Queued) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rows []queue.Entry
	for _, q := range o.state.queues {
		for _, r := range q.Rows() {
			rows = append(rows, queue.Entry{Queue: q, Row: r})
		}
	}
	slices.SortFunc(rows, func(a, b queue.Entry) int { return queue.ByAge(a.Row, b.Row) })
	for _, one := range rows {
		one.Queue.Remove(one.Row)
		list = append(list, Queued{one.Queue.Name, one.Row.Event, one.Row.RequestID()})
	}
	return list
}
