// Package standing says how far the notifications of active alarms are, and how receivers do. It changes nothing.
package standing

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
	"trapline/internal/originator"
	"trapline/internal/outbox/clock"
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

// Outbox is an outbox at a moment. Its state does not change while somebody looks at it.
type Outbox struct {
	Queues  []*queue.Queue // in the order of the configuration
	Views   map[alarm.Place]*alarm.View
	Mutes   *mute.Set
	Causes  *cause.Index
	Outages *cause.Outages
	Short   map[*queue.Queue]bool // whether an alarm has no room in the queue
	Clock   *clock.Run
}

// Of returns the standing of an alarm.
func (o *Outbox) Of(s *alarm.State, a *alarm.Alarm) Standing {
	one := Standing{
		Alarm: *a, Mutes: cause.Reasons(o.Mutes, o.Causes, o.Outages, a),
		Receivers: make([]Known, 0, len(o.Queues)),
	}
	for _, q := range o.Queues {
		one.Receivers = append(one.Receivers, o.knows(q, s, a, len(one.Mutes) > 0))
	}
	if c, inhibited := o.Causes.Inhibited(a.ID); inhibited {
		one.InhibitedBy = []string{c.Alarm}
	}
	return one
}

// knows returns the state of an alarm's last notification to a receiver.
func (o *Outbox) knows(q *queue.Queue, s *alarm.State, a *alarm.Alarm, muted bool) Known {
	k := Known{Receiver: q.Name, Progress: NotWanted}
	at := alarm.Place{Receiver: q.Name, Key: s.In[q.Name]}
	v := o.Views[at]
	switch {
	case muted && at.Key == "" && q.Receiver.Wants(a):
		k.Progress = Muted
	case at.Key == "" && q.Receiver.Wants(a) && o.Mutes.Closed(q.Route.Active, q.Route.Mute) != "":
		k.Progress, k.Err = Muted, errors.New(o.Mutes.Closed(q.Route.Active, q.Route.Mute))
	case at.Key == "" && q.Receiver.Wants(a) && (s.Ack == nil || !q.Route.UnlessAcked) && clock.Seconds(o.Clock.Run()) < s.Run+clock.Seconds(q.Route.Delay):
		k.Progress, k.Err = Waits, fmt.Errorf("its delay ends at %s", o.Clock.WallAt(clock.FromSeconds(s.Run)+q.Route.Delay).Local().Format(time.TimeOnly))
	case at.Key == "" && q.Receiver.Wants(a) && s.Ack != nil && q.Route.UnlessAcked:
		k.Err = errAcked
	case at.Key == "" && o.Short[q] && q.Receiver.Wants(a):
		k.Progress, k.Err = Waits, errNoRoom
	case at.Key == "" || v == nil || v.Left:
	case len(q.AlarmQueue(at.Key)) > 0:
		rows := q.AlarmQueue(at.Key)
		r := rows[len(rows)-1]
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Err = Waits, r.ID, r.At, r.Tries(), r.Repeat, cmp.Or(rows[0].Err(), q.Failure().Err)
	case v.GivenUp != "":
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Err = GivenUp, v.Event, v.Sent, v.Tries, v.Repeats, errors.New(v.GivenUp)
	case v.Sent.IsZero(): // another process or member sent it: nothing waits, and it was not given up
		k.Progress, k.Event, k.At, k.Repeats = Sent, v.Event, v.At, v.Repeats
		if q.Route.About.Acknowledges() {
			k.Progress = Acknowledged
		}
	default:
		k.Progress, k.Event, k.At, k.Tries, k.Repeats, k.Took = Sent, v.Event, v.Sent, v.Tries, v.Repeats, clock.FromSeconds(v.Took)
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

// Receiver returns the state of a receiver, except for the numbers that its queue does not have.
func (o *Outbox) Receiver(q *queue.Queue, now time.Time) ReceiverState {
	s := ReceiverState{
		Name: q.Name, About: q.Route.About, Group: q.Route.Group, Failing: q.Failing(), MaxAge: q.Route.MaxAge, Waiting: q.Len(),
		AnswerTime: q.Tally.AnswerTime(), LastAck: q.Tally.LastAck(), Minutes: q.Tally.LastMinutes(now),
	}
	if s.Failing {
		failure := q.Failure()
		s.Err, s.Tries, s.Since, s.RetryAt = failure.Err, failure.Tries, failure.Since, o.Clock.WallAt(q.RetryAt())
	}
	for first := range q.Firsts() {
		if s.Oldest.IsZero() || first.At.Before(s.Oldest) {
			s.Oldest = first.At
		}
	}
	return s
}
