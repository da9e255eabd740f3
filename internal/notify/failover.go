package notify

import (
	"slices"
	"time"
)

// What `notifications.groups` may say of receivers that share a group: each is told, or one of them.
const all, firstAcked = "all", "first-acked"

// grouped puts receivers of which one is told together, in the order of the configuration. Each of the
// others is a group by itself.
func grouped(queues []*queue) (groups [][]*queue) {
	at := map[string]int{}
	for _, q := range queues {
		i, known := at[q.route.Group]
		if q.route.Group != "" && known {
			groups[i] = append(groups[i], q)
			continue
		}
		at[q.route.Group] = len(groups)
		groups = append(groups, []*queue{q})
	}
	return groups
}

// holder is the receiver of a group that is told of an alarm, nil where none is.
func (a *active) holder(group []*queue) *queue {
	for _, q := range group {
		if t, knows := a.Told[q.name]; knows && !t.Left {
			return q
		}
	}
	return nil
}

// choose gives the first receiver of a group that confirms, nil where none does. One that did not is
// chosen once its pause is over, unless something waits for it by which that shows.
func (p *plan) choose(group []*queue, a *Alarm) *queue {
	for _, q := range group {
		if q.route.wants(a) && (q.failures == 0 || !q.retryAt.After(p.now) && q.count+p.count(q).rows == 0) {
			return q
		}
	}
	return nil
}

// wants tells whether the receiver is to be told of an alarm.
func (r *Route) wants(a *Alarm) bool { return r.Matches == nil || r.Matches(a) }

// first is choose, and where none confirms the first that wants the alarm.
func (p *plan) first(group []*queue, a *Alarm) *queue {
	if q := p.choose(group, a); q != nil {
		return q
	}
	if i := slices.IndexFunc(group, func(q *queue) bool { return q.route.wants(a) }); i >= 0 {
		return group[i]
	}
	return nil
}

// relieve hands what waits for receivers that do not confirm over to others of their groups.
func (p *plan) relieve() {
	for _, group := range p.o.groups {
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
	ids := p.ids(q)
	slices.SortFunc(ids, func(a, b string) int { return bySeq(p.line(q, a)[0], p.line(q, b)[0]) })
	for _, id := range ids {
		head := p.line(q, id)[0]
		if head.flying || head.Alarm.ID == "" {
			continue
		}
		if to := p.choose(others, &head.Alarm); to != nil {
			p.move(q, to, id)
		}
	}
}

// move hands the line of an alarm over. Of what q may have seen of it, q is still told the end, and that
// alone; whom it goes to is told the raise first.
func (p *plan) move(q, to *queue, id string) {
	moved, seen := false, false // of the alarm from its raise to its end
	for _, r := range p.line(q, id) {
		e := r.Event
		if e.Kind == Clear && !moved { // of what only q was told
			continue
		}
		if e.Kind != Clear {
			seen = seen || r.seen || !moved && r.update()
			if !moved {
				e.Kind, e.Repeat = Raise, 0
			}
		}
		p.append(to, e, r.Expires)
		p.count(q).moved++
		if e.Kind != Clear || !seen {
			p.remove(q, r)
		}
		if moved = e.Kind != Clear; !moved {
			seen = false
		}
	}
	if a := p.alarm(id); a != nil && moved {
		p.alarms[id] = a
		last := a.Told[q.name]
		a.Told[to.name] = last
		delete(a.Told, q.name)
		if last.Left = true; seen {
			a.Told[q.name] = last
		}
	}
}

// failOver is called when a delivery has failed.
func (o *Outbox) failOver() {
	if err := o.do(&change{now: time.Now(), plan: (*plan).relieve}); err != nil {
		o.logger.Error("the outbox cannot be written", "err", err)
	}
}
