package outbox

import (
	"slices"

	"trapline/internal/alarm"
)

// choose is of alarm.Reconciler: the receiver of a group that is sent an alarm, nil where nobody wants it or there is
// no room.
func (p *plan) choose(group []*alarm.Receiver, a *alarm.Alarm) *alarm.Receiver {
	var queues []*queue
	for _, r := range group {
		queues = append(queues, p.state.byName[r.Name])
	}
	q := p.first(queues, a)
	if p.handTo != nil && slices.Contains(queues, p.handTo) && p.handTo.receiver.Wants(a) {
		q = p.handTo
	}
	if q == nil {
		return nil
	}
	if !p.room(q, a) {
		p.short[q] = true
		return nil
	}
	return q.receiver
}

// confirming is the first receiver of a group that confirms, nil where none does. One that did not is
// chosen once its pause is over, unless something waits for it by which that shows.
func (p *plan) confirming(group []*queue, a *alarm.Alarm) *queue {
	for _, q := range group {
		if q.receiver.Wants(a) && (q.failures == 0 || q.retryAt <= p.run && q.count+p.count(q).rows == 0) {
			return q
		}
	}
	return nil
}

// first is confirming, and where none confirms the first that wants the alarm.
func (p *plan) first(group []*queue, a *alarm.Alarm) *queue {
	if len(group) > 1 {
		if q := p.confirming(group, a); q != nil {
			return q
		}
	}
	if i := slices.IndexFunc(group, func(q *queue) bool { return q.receiver.Wants(a) }); i >= 0 {
		return group[i]
	}
	return nil
}

// relieve hands what waits for receivers that do not confirm over to others of their groups.
func (p *plan) relieve() {
	for _, group := range p.state.groups {
		if len(group) == 1 {
			continue
		}
		for _, q := range group {
			if q.failures > 0 {
				p.handOver(q, slices.DeleteFunc(slices.Clone(group), func(other *queue) bool { return other == q }))
			}
		}
	}
}

// handOver begins with the oldest: another one that does not confirm either gets that alone.
func (p *plan) handOver(q *queue, others []*queue) {
	ids := p.waitingQueues(q)
	slices.SortFunc(ids, func(a, b string) int { return bySeq(p.alarmQueue(q, a)[0], p.alarmQueue(q, b)[0]) })
	for _, id := range ids {
		at := alarm.Place{Receiver: q.name, Key: id}
		members := p.Members(at)
		if v := p.View(at); len(members) == 0 || v == nil || v.Left || p.alarmQueue(q, id)[0].inFlight {
			continue
		}
		if to := p.confirming(others, p.Alarm(members[0]).Alarm()); to != nil {
			p.handTo = to
			p.move(at, q, members)
			p.handTo = nil
		}
	}
}

// move has the alarms of a line sent to another receiver of the group. Of what this one may have seen, it is still
// sent the end, and that alone.
func (p *plan) move(at alarm.Place, q *queue, members []string) {
	seen := p.takeUnseen(q, at.Key)
	v := *p.View(at)
	p.ids[string(alarm.Raise)+p.Alarm(members[0]).ID] = v.Event // it is the same event
	if v.Left = true; seen {
		p.PutView(at, &v)
	} else {
		p.PutView(at, nil)
	}
	for _, key := range members {
		s := p.Alarm(key)
		if !seen {
			s = s.Clone()
			delete(s.In, q.name)
			p.PutAlarm(key, s)
		}
		p.reconciler.Announce(key)
		p.count(q).moved++
	}
	clear(p.ids)
}

// takeUnseen removes what waits in a line but for the ends of what the receiver may have seen, and reports whether
// it may know of what is active.
func (p *plan) takeUnseen(q *queue, id string) (seen bool) {
	rows := p.alarmQueue(q, id)
	seen = rows[0].Kind == alarm.Clear || rows[0].update()
	for _, r := range rows {
		switch {
		case r.Kind != alarm.Clear:
			seen = seen || r.seen
			p.remove(q, r)
		case seen:
			seen = false
		default:
			p.remove(q, r)
		}
	}
	return seen
}
