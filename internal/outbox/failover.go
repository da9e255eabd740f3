package outbox

import (
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/queue"
)

// choose returns the receiver of a group that is sent an alarm, or nil if none wants it or has room. It is the Choose of
// alarm.Reconciler.
func (p *plan) choose(group []*alarm.Receiver, s *alarm.State) *alarm.Receiver {
	var queues []*queue.Queue
	for _, r := range group {
		queues = append(queues, p.state.queues.ByName[r.Name])
	}
	q := p.first(queues, s)
	if p.handTo != nil && slices.Contains(queues, p.handTo) && p.wants(p.handTo, s) {
		q = p.handTo
	}
	if q == nil {
		return nil
	}
	if !p.room(q, s.Alarm()) {
		set(&p.short, q, true)
		return nil
	}
	return q.Receiver
}

// wants reports whether a receiver is to be sent an alarm that it does not know.
func (p *plan) wants(q *queue.Queue, s *alarm.State) bool {
	a, r := s.Alarm(), q.Route
	return q.Receiver.Wants(a) && !p.muted(q.Name, a) && (s.Ack == nil || !r.UnlessAcked) && clock.Seconds(p.run) >= s.Run+clock.Seconds(r.Delay)
}

// muted reports whether a receiver is not to be sent a raise or a change of an alarm. It is the Muted of alarm.Reconciler.
func (p *plan) muted(receiver string, a *alarm.Alarm) bool {
	return p.mutes.Unrest(a) || p.withheld(receiver, a)
}

// withheld reports whether an alarm is muted for another reason than a storm or that it comes and goes: what begins those
// is sent. It is the Withheld of alarm.Reconciler.
func (p *plan) withheld(receiver string, a *alarm.Alarm) bool {
	q := p.state.queues.ByName[receiver]
	_, inhibited := p.causes.Inhibited(a.ID)
	return inhibited || p.behind(q, a) || p.mutes.Silenced(a) || q != nil && p.mutes.Closed(q.Route.Active, q.Route.Mute) != ""
}

// confirming returns the first receiver of a group that acknowledges, or nil. A receiver that failed is tried once its
// pause is over, unless an event is already queued for it.
func (p *plan) confirming(group []*queue.Queue, s *alarm.State) *queue.Queue {
	for _, q := range group {
		if p.wants(q, s) && (!q.Failing() || q.RetryAt() <= p.run && q.Len()+p.rows.Count(q).Rows == 0) {
			return q
		}
	}
	return nil
}

// first returns the queue that confirming returns, or the first one that wants the alarm.
func (p *plan) first(group []*queue.Queue, s *alarm.State) *queue.Queue {
	if len(group) > 1 {
		if q := p.confirming(group, s); q != nil {
			return q
		}
	}
	if i := slices.IndexFunc(group, func(q *queue.Queue) bool { return p.wants(q, s) }); i >= 0 {
		return group[i]
	}
	return nil
}

// relieve moves the alarm queues of failing receivers to others of their groups.
func (p *plan) relieve() {
	for _, group := range p.state.queues.Groups {
		if len(group) == 1 {
			continue
		}
		for _, q := range group {
			if q.Failing() {
				p.handOver(q, slices.DeleteFunc(slices.Clone(group), func(other *queue.Queue) bool { return other == q }))
			}
		}
	}
}

// handOver moves the alarm queues of a failing receiver to others. It begins with the oldest: a receiver that is tried
// after a failure is handed only one.
func (p *plan) handOver(q *queue.Queue, others []*queue.Queue) {
	ids := p.rows.Waiting(q)
	slices.SortFunc(ids, func(a, b string) int { return queue.ByAge(p.rows.AlarmQueue(q, a)[0], p.rows.AlarmQueue(q, b)[0]) })
	for _, id := range ids {
		at := alarm.Place{Receiver: q.Name, Key: id}
		members := p.Members(at)
		if v := p.View(at); len(members) == 0 || v == nil || v.Left || p.rows.AlarmQueue(q, id)[0].InFlight() {
			continue
		}
		if to := p.confirming(others, p.Alarm(members[0])); to != nil {
			p.handTo = to
			p.move(at, q, members)
			p.handTo = nil
		}
	}
}

// move sends the alarms of an alarm queue to another receiver of the group. The old receiver is sent only the clears of
// the alarms that it may have seen.
func (p *plan) move(at alarm.Place, q *queue.Queue, members []string) {
	seen := p.takeUnseen(q, at.Key)
	v := *p.View(at)
	p.ids[string(alarm.Raise)+p.Alarm(members[0]).ID] = v.Event // the event keeps its ID
	if v.Left, v.Unknown = true, false; seen {
		p.PutView(at, &v)
	} else {
		p.PutView(at, nil)
	}
	for _, key := range members {
		s := p.Alarm(key)
		if !seen {
			s = s.Clone()
			delete(s.In, q.Name)
			p.PutAlarm(key, s)
		}
		p.reconciler.Announce(key)
		p.rows.Count(q).Moved++
	}
	clear(p.ids)
}

// takeUnseen removes the rows of an alarm queue except the clears of events that the receiver may have seen. It reports
// whether the receiver may have seen the active alarm.
func (p *plan) takeUnseen(q *queue.Queue, id string) (seen bool) {
	rows, v := p.rows.AlarmQueue(q, id), p.View(alarm.Place{Receiver: q.Name, Key: id})
	seen = v != nil && v.Unknown || rows[0].Kind == alarm.Clear || rows[0].Kind == alarm.Acked || rows[0].Update()
	for _, r := range rows {
		switch {
		case r.Kind != alarm.Clear:
			seen = seen || r.Seen()
			p.remove(q, r)
		case seen:
			seen = false
		default:
			p.remove(q, r)
		}
	}
	return seen
}
