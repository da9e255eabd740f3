package outbox

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
)

// Resend sends an active alarm again to the receivers that know it and for which nothing of it waits, under the ID that
// its event has. It returns to how many.
func (o *Outbox) Resend(id string, now time.Time) (receivers int, err error) {
	known := false
	err = o.do(&change{now: now, plan: func(p *plan) {
		known, receivers = false, 0
		for key, s := range p.o.active {
			if s.ID == id && p.Alarm(key) != nil {
				known, receivers = true, p.resend(p.Alarm(key))
				return
			}
		}
	}})
	if err == nil && !known {
		err = fmt.Errorf("%w: %q", ErrNoAlarm, id)
	}
	return receivers, err
}

func (p *plan) resend(s *alarm.State) (receivers int) {
	for receiver, key := range s.In {
		at := alarm.Place{Receiver: receiver, Key: key}
		q, v := p.o.byName[receiver], p.View(at)
		if q == nil || v == nil || v.Left || v.Lost != nil || len(p.alarmQueue(q, key)) > 0 {
			continue
		}
		if shown := p.reconciler.Shown(at); shown != nil {
			p.again(at, v, shown)
			receivers++
		}
	}
	return receivers
}

// again sends what a receiver knows once more, under its event ID.
func (p *plan) again(at alarm.Place, v *alarm.View, shown *alarm.Alarm) {
	next := *v
	next.At, next.Run, next.Repeats = p.now, seconds(p.run), v.Repeats+1
	next.Event = cmp.Or(v.Event, p.eventID())
	p.PutView(at, &next)
	p.enqueue(at, alarm.Event{ID: next.Event, Kind: alarm.Raise, At: p.now, Alarm: *shown, Repeat: next.Repeats}, 0)
}

// Test sends a receiver a test, beside what waits for it.
func (o *Outbox) Test(ctx context.Context, receiver string) (originator.Receipt, error) {
	q, err := o.lookup(receiver)
	if err != nil {
		return originator.Receipt{}, err
	}
	o.mu.Lock()
	route := q.route
	o.mu.Unlock()
	return route.Deliver(ctx, alarm.TestEvent(o.clock.Wall()), 0)
}
