package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
	"trapline/internal/outbox/store"
)

// ErrNoReceiver and ErrNoAlarm are the errors for unknown names and IDs, ErrNotAcknowledged for an alarm without acknowledgement.
var (
	ErrNoReceiver      = errors.New("unknown receiver")
	ErrNoAlarm         = errors.New("no active alarm has the ID")
	ErrNotAcknowledged = errors.New("the alarm is not acknowledged")
)

func (o *Outbox) lookup(receiver string) (*queue.Queue, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q := o.state.queues.ByName[receiver]; q != nil {
		return q, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrNoReceiver, receiver)
}

// Waiting returns the events of each receiver, in the order of the configuration.
func (o *Outbox) Waiting() ([]standing.Waiting, error) {
	o.mu.Lock()
	list := o.state.look().Waiting()
	o.mu.Unlock()
	for i := range list {
		var err error
		if list[i].Dead, err = o.DeadLetters(list[i].Receiver); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Retry sends the queued events of a receiver at once. It queues the dead letters again, except those that a later event
// has superseded.
func (o *Outbox) Retry(receiver string, now time.Time) error {
	dead, err := o.DeadLetters(receiver)
	if err != nil {
		return err
	}
	q, err := o.lookup(receiver)
	if err != nil {
		return err
	}
	err = o.do(&change{
		now: now,
		plan: func(p *plan) {
			old := store.Numbers{Receiver: receiver}
			for _, d := range dead {
				p.revive(q, &d)
				old.Numbers = append(old.Numbers, d.Number())
			}
			p.unburied = append(p.unburied, old)
		},
	})
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q.ResetBackoff()
	return nil
}

// revive queues a dead letter, unless a later event has superseded it. If the receiver may or may not have the alarm, it is
// sent the state of the alarm instead.
func (p *plan) revive(q *queue.Queue, d *DeadLetter) {
	r := &queue.Row{Event: d.Event, Line: d.Line, Known: d.Kind == alarm.Raise}
	r.Shard = p.state.shards.OfNumber(d.Number())
	at := alarm.Place{Receiver: q.Name, Key: r.QueueKey()}
	if len(p.rows.AlarmQueue(q, at.Key)) > 0 || p.state.queues.ByName[q.Name] != q {
		return
	}
	switch v := p.View(at); {
	case v == nil && d.Kind == alarm.Clear && d.Why != errExpired.Error(), v != nil && !v.Unknown && (v.Event == d.ID || d.Kind == alarm.Acked):
		p.append(q, r)
	case v != nil && v.Unknown:
		p.restate(at)
	}
}

// DropQueue deletes the queued events of a receiver, except those in flight, and its dead letters.
func (o *Outbox) DropQueue(receiver string, now time.Time) error {
	q, err := o.lookup(receiver)
	if err != nil {
		return err
	}
	return o.do(&change{
		now: now,
		plan: func(p *plan) {
			for _, r := range q.Rows() {
				if !r.InFlight() {
					p.remove(q, r)
					p.rows.Count(q).Forgotten++
					p.noteGivenUp(q, r, "dropped by command")
				}
			}
			p.unburied = append(p.unburied, store.Numbers{Receiver: receiver, Numbers: p.state.buried[receiver]})
		},
	})
}

// DeadLetters returns the events that were given up for a receiver, the oldest first.
func (o *Outbox) DeadLetters(receiver string) (list []DeadLetter, err error) {
	o.mu.Lock()
	numbers := o.state.buried[receiver]
	o.mu.Unlock()
	return o.state.reader.DeadLetters(receiver, numbers)
}

// Resend sends an active alarm again, with the same event ID, to the receivers that know it and have no event of it
// queued. It returns their number.
func (o *Outbox) Resend(id string, now time.Time) (receivers int, err error) {
	known := false
	if err := o.do(&change{now: now, plan: func(p *plan) {
		known, receivers = false, 0
		for key, s := range p.state.index.Active {
			if s.ID == id && p.Alarm(key) != nil {
				known, receivers = true, p.resend(p.Alarm(key))
				return
			}
		}
	}}); err != nil {
		return 0, err
	}
	if !known {
		return 0, fmt.Errorf("%w: %q", ErrNoAlarm, id)
	}
	return receivers, nil
}

func (p *plan) resend(s *alarm.State) (receivers int) {
	for receiver, key := range s.In {
		at := alarm.Place{Receiver: receiver, Key: key}
		q, v := p.state.queues.ByName[receiver], p.View(at)
		if q == nil || v == nil || v.Left || v.Lost != nil || len(p.rows.AlarmQueue(q, key)) > 0 {
			continue
		}
		if shown := p.reconciler.Shown(at); shown != nil {
			p.again(at, v, shown)
			receivers++
		}
	}
	return receivers
}

// again queues the alarm of a place once more, with the same event ID.
func (p *plan) again(at alarm.Place, v *alarm.View, shown *alarm.Alarm) {
	next := *v
	next.At, next.Run, next.Repeats = p.now, clock.Seconds(p.run), v.Repeats+1
	next.Event = cmp.Or(v.Event, p.eventID(p.state.shards.OfPlace(at.Key)))
	p.PutView(at, &next)
	p.enqueue(at, alarm.Event{ID: next.Event, Kind: alarm.Raise, At: p.now, Alarm: *shown, Repeat: next.Repeats}, 0)
}

// Test sends a test event to a receiver at once, bypassing the queue.
func (o *Outbox) Test(ctx context.Context, receiver string) (originator.Receipt, error) {
	q, err := o.lookup(receiver)
	if err != nil {
		return originator.Receipt{}, err
	}
	o.mu.Lock()
	route := q.Route
	o.mu.Unlock()
	return route.Deliver(ctx, alarm.TestEvent(o.state.clock.Wall()), 0)
}
