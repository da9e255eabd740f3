package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
)

// Standing is an active alarm, with the state of its notifications.
type Standing struct {
	Alarm     alarm.Alarm
	Mutes     []mute.Reason // why it is muted
	Receivers []Known       // all receivers, in the order of the configuration

	InhibitedBy []string // IDs of alarms that inhibit it
}

// Progress is the state of a notification.
type Progress string

// The states of a notification.
const (
	Acknowledged Progress = "acknowledged"
	Sent         Progress = "sent" // to a receiver that never acknowledges
	Waits        Progress = "waits"
	GivenUp      Progress = "given up"
	Muted        Progress = "muted"      // not sent, or its changes are not
	NotWanted    Progress = "not wanted" // by the receiver's filter, or because another one of its group is notified
)

// Known is the state of an alarm's last notification to a receiver.
type Known struct {
	Receiver string
	Progress Progress
	Event    string // ID of the notification
	At       time.Time
	Took     time.Duration // from sending to acknowledgment
	Tries    int           // messages sent
	Repeats  int           // how often the alarm was sent before because it lasts
	Err      error         // why it waits or was given up
}

// standingsAtOnce is how many alarms Standings looks at while nothing else can: no delivery waits for all of them.
const standingsAtOnce = 256

// Standings returns the active alarms for which wanted returns true, the oldest first; all of them if wanted is nil. The
// alarms are those of one moment, and the states of their notifications are of moments soon after. Alarms that end
// meanwhile are missing.
func (o *Outbox) Standings(wanted func(*alarm.Alarm) bool) []Standing {
	all := o.aged()
	if wanted != nil {
		all = slices.DeleteFunc(all, func(one aged) bool { return !wanted(one.alarm) })
	}
	list := make([]Standing, 0, len(all))
	for some := range slices.Chunk(all, standingsAtOnce) {
		o.mu.Lock()
		for _, one := range some {
			if s := o.state.active[one.key]; s != nil {
				list = append(list, o.standing(s, one.alarm))
			}
		}
		o.mu.Unlock()
	}
	return list
}

func (o *Outbox) standing(s *alarm.State, a *alarm.Alarm) Standing {
	one := Standing{
		Alarm: *a, Mutes: o.state.reasons(o.state.mutes, o.state.causes, o.state.outages, a),
		Receivers: make([]Known, 0, len(o.state.queues)),
	}
	for _, q := range o.state.queues {
		one.Receivers = append(one.Receivers, o.knows(q, s, a, len(one.Mutes) > 0))
	}
	if c, inhibited := o.state.causes.Inhibited(a.ID); inhibited {
		one.InhibitedBy = []string{c.Alarm}
	}
	return one
}

// Quiet counts the active alarms that are muted or acknowledged.
func (o *Outbox) Quiet() alarm.Quiet {
	o.mu.Lock()
	defer o.mu.Unlock()
	return alarm.CountQuiet(o.state.active)
}

// knows returns the state of an alarm's last notification to a receiver.
func (o *Outbox) knows(q *queue.Queue, s *alarm.State, a *alarm.Alarm, muted bool) Known {
	k := Known{Receiver: q.Name, Progress: NotWanted}
	at := alarm.Place{Receiver: q.Name, Key: s.In[q.Name]}
	v := o.state.views[at]
	switch {
	case muted && at.Key == "" && q.Receiver.Wants(a):
		k.Progress = Muted
	case at.Key == "" && q.Receiver.Wants(a) && o.state.mutes.Closed(q.Route.Active, q.Route.Mute) != "":
		k.Progress, k.Err = Muted, errors.New(o.state.mutes.Closed(q.Route.Active, q.Route.Mute))
	case at.Key == "" && q.Receiver.Wants(a) && (s.Ack == nil || !q.Route.UnlessAcked) && seconds(o.state.clock.run()) < s.Run+seconds(q.Route.Delay):
		k.Progress, k.Err = Waits, fmt.Errorf("its delay ends at %s", o.state.clock.wallAt(fromSeconds(s.Run)+q.Route.Delay).Local().Format(time.TimeOnly))
	case at.Key == "" && q.Receiver.Wants(a) && s.Ack != nil && q.Route.UnlessAcked:
		k.Err = errAcked
	case at.Key == "" && o.state.short[q] && q.Receiver.Wants(a):
		k.Progress, k.Err = Waits, errNoRoom
	case at.Key == "" || v == nil || v.Left:
	case len(q.AlarmQueue(at.Key)) > 0:
		rows := q.AlarmQueue(at.Key)
		r := rows[len(rows)-1]
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Err = Waits, r.ID, r.At, r.Tries(), r.Repeat, cmp.Or(rows[0].Err(), q.Failure().Err)
	case v.GivenUp != "":
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Err = GivenUp, v.Event, v.Sent, v.Tries, v.Repeats, errors.New(v.GivenUp)
	case v.Sent.IsZero(): // sent before outcomes were recorded
		k.Progress, k.Event, k.At, k.Repeats = Sent, v.Event, v.At, v.Repeats
	default:
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Took = Sent, v.Event, v.Sent, v.Tries, v.Repeats, fromSeconds(v.Took)
		if v.Took > 0 {
			k.Progress = Acknowledged
		}
	}
	return k
}

var (
	errAcked  = errors.New("a person has acknowledged it")
	errNoRoom = errors.New("max_events or max_bytes of the receiver is reached: it is sent once there is room")
)

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

// ReceiverState is the state of a receiver.
type ReceiverState struct {
	Name string
	queue.About
	Group      string
	Failing    bool
	Err        error     // of the last try; nil unless it is failing
	Tries      int       // messages sent by that try
	Since      time.Time // when it began to fail
	RetryAt    time.Time // time of the next try, while it is failing
	MaxAge     time.Duration
	Waiting    int
	Oldest     time.Time
	GivenUp    int
	Today      int           // acknowledged since midnight of the server; sent if the receiver never acknowledges
	AnswerTime time.Duration // median of the last acknowledgments
	LastAck    time.Time
	Minutes    []queue.Minute // the last 30
}

// Reason returns the reason of a delivery error, or "" if it is unknown.
func Reason(err error) access.Reason {
	if e := (*originator.Error)(nil); errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// Receivers returns the states of the receivers, in the order of the configuration.
func (o *Outbox) Receivers() ([]ReceiverState, error) {
	o.mu.Lock()
	now := o.state.clock.Wall()
	list := make([]ReceiverState, 0, len(o.state.queues))
	for _, q := range o.state.queues {
		s := o.stateOf(q, now)
		s.GivenUp = len(o.state.buried[q.Name])
		list = append(list, s)
	}
	o.mu.Unlock()
	return list, nil
}

func (o *Outbox) stateOf(q *queue.Queue, now time.Time) ReceiverState {
	s := ReceiverState{
		Name: q.Name, About: q.Route.About, Group: q.Route.Group, Failing: q.Failing(), MaxAge: q.Route.MaxAge, Waiting: q.Len(),
		Today: o.state.today.Of(q.Name, now), AnswerTime: q.Tally.AnswerTime(), LastAck: q.Tally.LastAck(), Minutes: q.Tally.LastMinutes(now),
	}
	if s.Failing {
		failure := q.Failure()
		s.Err, s.Tries, s.Since, s.RetryAt = failure.Err, failure.Tries, failure.Since, o.state.clock.wallAt(q.RetryAt())
	}
	for first := range q.Firsts() {
		if s.Oldest.IsZero() || first.At.Before(s.Oldest) {
			s.Oldest = first.At
		}
	}
	return s
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
