package outbox

import (
	"fmt"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/clock"
)

// Acknowledge records that a person has acknowledged an active alarm, by its ID; nil removes the acknowledgement.
// Receivers with Route.Acks that know the alarm are notified.
func (o *Outbox) Acknowledge(id string, ack *alarm.Ack, now time.Time) error {
	var refused error
	err := o.do(&change{now: now, plan: func(p *plan) {
		refused = fmt.Errorf("%w: %q", ErrNoAlarm, id)
		for _, key := range p.keys() {
			if s := p.Alarm(key); s != nil && s.ID == id {
				refused = p.acknowledge(key, s, ack, "by hand")
				return
			}
		}
	}})
	if err != nil { // it may still be planned
		return err
	}
	return refused
}

// acknowledge plans an acknowledgement, or for nil its end, which has a reason.
func (p *plan) acknowledge(key string, s *alarm.State, ack *alarm.Ack, why string) error {
	if s.Ack == nil && ack == nil {
		return fmt.Errorf("%w: %q", ErrNotAcknowledged, s.ID)
	}
	clear(p.ids)
	is := s.Clone()
	p.setAck(is, ack, why)
	p.PutAlarm(key, is)
	p.passOn(is)
	p.announce(key)
	return nil
}

// passOn notifies the receivers that know an alarm, and want acknowledgements, of its acknowledgement.
func (p *plan) passOn(s *alarm.State) {
	for receiver, k := range s.In {
		q, at := p.state.queues.ByName[receiver], alarm.Place{Receiver: receiver, Key: k}
		if v := p.View(at); q == nil || !q.Route.Acks || v == nil || v.Left || v.Lost != nil || v.Unknown && !p.restate(at) {
			continue
		}
		if t, waits := p.Tail(at); waits && t.Kind == alarm.Acked && !t.Seen {
			p.DropTail(at)
		}
		p.Append(at, alarm.Acked, s.KnownAs(receiver), 0)
	}
}

// passAges ends silences and acknowledgements that are over, and announces the alarms that have been active for the delay of a
// receiver.
func (p *plan) passAges() {
	if c := p.mutes.Watch(p.now, clock.Seconds(p.run), p.state.index.Active); c != nil {
		p.changeMutes(c)
	}
	from, to := p.state.aged, clock.Seconds(p.run)
	p.aged = to
	for key := range p.state.index.Active {
		s := p.Alarm(key)
		if s == nil { // cleared by a change in the same transaction
			continue
		}
		if why := s.Outdated(p.now); why != "" {
			p.acknowledge(key, s, nil, why)
		}
		for _, q := range p.state.queues.All {
			if due := s.Run + clock.Seconds(q.Route.Delay); q.Route.Delay > 0 && due > from && due <= to {
				p.announce(key)
			}
		}
	}
}

// Forward queues received notifications for the receivers to which they are forwarded: see queue.Queue.Forwarded.
func (o *Outbox) Forward(list []alarm.Event, now time.Time) error {
	return o.do(&change{now: now, plan: func(p *plan) {
		for _, q := range p.state.queues.All {
			for _, r := range q.Forwarded(list, p.rows.AlarmQueue, &p.rows.Count(q).Dropped) {
				r.ID = p.eventID(r.Shard)
				p.append(q, r)
			}
		}
	}})
}
