package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/queue"
)

// housekeepingInterval is the interval at which leases, repetitions and heartbeats are checked.
const housekeepingInterval = time.Second

func (o *Outbox) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(cmp.Or(o.state.options.interval, housekeepingInterval))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := o.housekeeping(o.state.clock.Wall()); err != nil && !errors.Is(err, ErrInDoubt) { // whoever asks says so
				o.state.logger.Error("the outbox cannot be written", "err", err)
			}
		}
	}
}

// housekeeping ends conditions whose lease has expired. It queues repetitions, alarms that had no room or were given up,
// and heartbeats.
func (o *Outbox) housekeeping(now time.Time) error {
	c := &change{now: now, plan: func(p *plan) {
		p.endLeases()
		p.welcome()
		p.passTime()
		p.calm()
		p.passAges()
		p.relieve()
		p.share()
		p.repeat()
		for _, q := range o.state.queues.All {
			p.reconsider(q)
			p.catchUp(q)
			p.heartbeat(q)
			q.Prune(p.run)
		}
	}}
	if o.noteDue() {
		o.noted = o.state.clock.Run()
		c.forced = true // a transaction stores the run time
	}
	err := o.do(c)
	if o.commits.TryLock() {
		o.log.Entries(nil)
		o.commits.Unlock()
	}
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, q := range o.state.queues.All {
			q.AnswersRead()
		}
	}
	return err
}

// noteDue reports whether the run time must be stored. Every transaction stores it. Without one, it is stored more often
// while events are queued, because their age depends on it.
func (o *Outbox) noteDue() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	every := idleNoteTime
	if slices.ContainsFunc(o.state.queues.All, func(q *queue.Queue) bool { return q.Len() > 0 }) {
		every = noteTime
	}
	return o.state.clock.Run()-o.noted >= every
}

const noteTime, idleNoteTime = 10 * time.Second, 10 * time.Minute

func (p *plan) endLeases() {
	for key := range p.state.index.Active {
		s := p.Alarm(key)
		if s == nil { // cleared by a change in the same transaction
			continue
		}
		for _, c := range s.Conditions {
			if again, said := p.renewals[c.Source]; said {
				c.Lease = again.Lease
			}
			if c.Lease != 0 && clock.Seconds(p.run) > c.Lease {
				p.transition(&Transition{Alarm: alarm.Alarm{ID: c.Source}})
			}
		}
	}
}

// repeat sends active alarms again after the receiver's RepeatInterval, with the same event ID.
func (p *plan) repeat() {
	if !slices.ContainsFunc(p.state.queues.All, func(q *queue.Queue) bool { return q.Route.RepeatInterval > 0 }) {
		return
	}
	for at := range p.state.index.Views {
		q, v := p.state.queues.ByName[at.Receiver], p.View(at)
		if q == nil || q.Route.RepeatInterval <= 0 || v == nil || v.Left || v.Unknown || p.run-clock.FromSeconds(v.Run) < q.Route.RepeatInterval || len(p.rows.AlarmQueue(q, at.Key)) > 0 {
			continue
		}
		if shown := p.reconciler.Shown(at); shown != nil && shown.Ack == nil && !p.muted(at.Receiver, shown) {
			p.again(at, v, shown)
		}
	}
}

// catchUp queues the alarms that had no room, the most severe first, once a quarter of the receiver's room is free.
func (p *plan) catchUp(q *queue.Queue) {
	r := q.Route
	if !p.state.short[q] || r.MaxEvents > 0 && q.Len() > r.MaxEvents*3/4 || r.MaxBytes > 0 && q.Size() > r.MaxBytes*3/4 {
		return
	}
	set(&p.short, q, false)
	var unknown []string
	for _, key := range p.state.index.Keys() {
		if s := p.Alarm(key); s != nil && s.In[q.Name] == "" {
			unknown = append(unknown, key)
		}
	}
	class := func(key string) int { return queue.ClassOf(p.Alarm(key).Alarm().Severity) }
	slices.SortStableFunc(unknown, func(a, b string) int { return cmp.Compare(class(a), class(b)) })
	for _, key := range unknown {
		if p.announce(key); p.short[q] {
			return
		}
	}
}

// heartbeat queues a heartbeat, unless one is waiting.
func (p *plan) heartbeat(q *queue.Queue) {
	if !p.state.shards.Owns(p.state.shards.Global()) || !q.HeartbeatDue(p.run) || len(p.rows.AlarmQueue(q, string(alarm.Heartbeat))) > 0 {
		return
	}
	p.alive = append(p.alive, q)
	p.add(q, alarm.Event{Kind: alarm.Heartbeat, At: p.now, Active: len(p.state.index.Active), Queued: q.Len()})
}

// reconsiderTime is the time after its last failure at which an idle receiver is sent alarms again that were given up.
const reconsiderTime = time.Hour

// markUnknown records that an event was given up because of its age: the receiver may or may not have the alarm as it was
// before. If a raise or a clear waits behind it, that is sent whatever becomes of the alarm. Otherwise the receiver is sent
// the state of the alarm, in place of changes that it may not be able to apply: as the next event if one waits already,
// else once it answers again (see reconsider).
func (p *plan) markUnknown(at alarm.Place, q *queue.Queue, r *queue.Row) {
	behind := p.rows.AlarmQueue(q, at.Key)
	for _, next := range behind {
		if next.Says() {
			p.know(q, next)
			return
		}
	}
	lost := alarm.View{}
	switch v := p.View(at); {
	case v != nil && v.Left: // it is sent only the clear
		return
	case v != nil:
		lost = *v
	case r.Kind == alarm.Clear:
		lost.Event, lost.Lost = r.ID, &r.Alarm
	default:
		return
	}
	lost.Unknown = true
	p.PutView(at, &lost)
	for _, next := range behind {
		p.remove(q, next)
	}
	if len(behind) > 0 {
		p.restate(at)
	}
}

// know records that the receiver may or may not have the alarm of a row by an earlier event.
func (p *plan) know(q *queue.Queue, r *queue.Row) {
	if r.Known = true; p.state.shards.Counter(r.Seq()) <= p.state.seq {
		p.doubted = append(p.doubted, queue.Entry{Queue: q, Row: r})
	}
}

// restate queues the state of a place for a receiver that may or may not know it, under the ID of the last event. It
// reports whether it did: no alarm is raised while it is muted.
func (p *plan) restate(at alarm.Place) bool {
	v, shown := p.View(at), p.reconciler.Shown(at)
	if v.Lost != nil {
		p.enqueue(at, alarm.Event{ID: v.Event, Kind: alarm.Clear, At: p.now, Alarm: *v.Lost}, 0)
		p.PutView(at, nil)
		return true
	}
	if shown != nil && p.muted(at.Receiver, shown) {
		return false
	}
	c := *v
	c.Event, c.Unknown = cmp.Or(v.Event, p.eventID(p.state.shards.OfPlace(at.Key))), false
	p.PutView(at, &c)
	if shown == nil {
		return true
	}
	p.enqueue(at, alarm.Event{ID: c.Event, Kind: alarm.Raise, At: p.now, Alarm: *shown}, 0)
	for _, key := range p.Members(at) {
		if s := p.Alarm(key); s.Ack != nil && p.state.queues.ByName[at.Receiver].Route.Acks {
			p.enqueue(at, alarm.Event{ID: p.eventID(p.state.shards.OfPlace(at.Key)), Kind: alarm.Acked, At: p.now, Alarm: *s.KnownAs(at.Receiver)}, 0)
		}
	}
	return true
}

// reconsider queues the state of the alarms that were given up once the receiver answers again. An idle receiver has
// nothing to answer, and is tried reconsiderTime after its last failure.
func (p *plan) reconsider(q *queue.Queue) {
	if idle := q.Len() == 0 && p.run-q.Failed() > reconsiderTime; !idle && !q.Answered() {
		return
	}
	for at := range p.state.index.Unknown {
		v := p.View(at)
		if at.Receiver != q.Name || v == nil || !v.Unknown || len(p.rows.AlarmQueue(q, at.Key)) > 0 {
			continue
		}
		p.restate(at)
	}
}
