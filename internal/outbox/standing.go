package outbox

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/standing"
)

// look returns the state as others look at it.
func (st *state) look() *standing.Outbox {
	return &standing.Outbox{Queues: st.queues.All, Views: st.index.Views, Mutes: st.mutes, Causes: st.index.Causes, Outages: st.outages, Short: st.short, Clock: &st.clock}
}

// standingsAtOnce is how many alarms Standings looks at while nothing else can: no delivery waits for all of them.
const standingsAtOnce = 256

// Standings returns the active alarms for which wanted returns true, the oldest first; all of them if wanted is nil. The
// alarms are those of one moment, and the states of their notifications are of moments soon after. Alarms that end
// meanwhile are missing.
func (o *Outbox) Standings(wanted func(*alarm.Alarm) bool) []standing.Standing {
	all := o.aged()
	if wanted != nil {
		all = slices.DeleteFunc(all, func(one index.Entry) bool { return !wanted(one.Alarm) })
	}
	list := make([]standing.Standing, 0, len(all))
	for some := range slices.Chunk(all, standingsAtOnce) {
		o.mu.Lock()
		look := o.state.look()
		for _, one := range some {
			if s := o.state.index.Active[one.Key]; s != nil {
				list = append(list, look.Of(s, one.Alarm))
			}
		}
		o.mu.Unlock()
	}
	return list
}

// aged returns the active alarms, the oldest first.
func (o *Outbox) aged() []index.Entry {
	o.mu.Lock()
	states := maps.Clone(o.state.index.Active)
	o.mu.Unlock()
	return index.ByAge(states)
}

// Active returns the active alarms, the oldest first.
func (o *Outbox) Active() []alarm.Alarm {
	all := o.aged()
	alarms := make([]alarm.Alarm, 0, len(all))
	for _, one := range all {
		alarms = append(alarms, *one.Alarm)
	}
	return alarms
}

// Conditions returns the alarm of each active condition as the condition shows it. The IDs are those of the conditions.
func (o *Outbox) Conditions() []alarm.Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.index.Conditions()
}

// ConditionsOf returns the conditions of an active alarm, by its ID, as Conditions does. They are none if it is unknown.
func (o *Outbox) ConditionsOf(id string) (list []alarm.Alarm) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.index.ConditionsOf(id)
}

// Quiet counts the active alarms that are muted or acknowledged.
func (o *Outbox) Quiet() alarm.Quiet {
	o.mu.Lock()
	defer o.mu.Unlock()
	return alarm.CountQuiet(o.state.index.Active)
}

// Identify returns the ID of the alarm to which a condition belongs.
func (o *Outbox) Identify(a *alarm.Alarm) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := cmp.Or(o.state.index.Sources[a.ID], o.state.key(a))
	if s := o.state.index.Active[key]; s != nil {
		return s.ID
	}
	return key
}

// Receivers returns the states of the receivers, in the order of the configuration.
func (o *Outbox) Receivers() ([]standing.ReceiverState, error) {
	o.mu.Lock()
	now, look := o.state.clock.Wall(), o.state.look()
	list := make([]standing.ReceiverState, 0, len(o.state.queues.All))
	for _, q := range o.state.queues.All {
		s := look.Receiver(q, now)
		s.Today, s.GivenUp = o.state.today.Of(q.Name, now), len(o.state.buried[q.Name])
		list = append(list, s)
	}
	o.mu.Unlock()
	return list, nil
}

// Queue returns up to limit events that wait for a receiver, the oldest first.
func (o *Outbox) Queue(receiver string, limit int) ([]standing.QueuedEvent, error) {
	q, err := o.lookup(receiver)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return standing.Queued(q, limit), nil
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
	for _, one := range o.state.queues.Take() {
		list = append(list, Queued{one.Queue.Name, one.Row.Event, one.Row.RequestID()})
	}
	return list
}
