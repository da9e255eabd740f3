package outbox

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/request"
)

// Transition begins or ends a condition of an alarm.
type Transition = request.Transition

// applyAll plans the effects of transitions. If one condition of an alarm ends and another one begins, the alarm remains
// active: the end is planned last, unless a later transition is of the same condition.
func (p *plan) applyAll(transitions []Transition) {
	p.foresee(transitions)
	begin := map[string]int{} // by key of the alarm, the last transition that makes it active
	for i := range transitions {
		if t := &transitions[i]; t.Active && !t.Held && len(transitions) > 1 {
			begin[p.keyOf(t)] = i
		}
	}
	var ends []*Transition
	deferred := map[string]int{} // by condition, its end
	for i := range transitions {
		t := &transitions[i]
		if j, ended := deferred[t.Alarm.ID]; ended {
			p.transition(ends[j])
			ends[j] = nil
			delete(deferred, t.Alarm.ID)
		}
		if !t.Active && !t.Held && begin[p.keyOf(t)] > i {
			deferred[t.Alarm.ID] = len(ends)
			ends = append(ends, t)
		} else {
			p.transition(t)
		}
	}
	for _, end := range ends {
		if end != nil {
			p.transition(end)
		}
	}
}

// transition plans the effects of a transition.
func (p *plan) transition(t *Transition) {
	clear(p.ids)
	source, key := t.Alarm.ID, p.keyOf(t)
	if t.Held {
		p.note(t.Entry(key, p.now))
		return
	}
	was := p.Alarm(key)
	switch {
	case t.Active:
		p.raise(key, source, was, t)
	case was != nil && was.Find(source) != nil:
		is := was.Clone()
		if is.End(source); len(is.Conditions) == 0 {
			is = nil
		}
		p.sources[source] = ""
		p.reconcile(key, was, is, &t.Alarm)
	}
}

// raise plans the effects of an active condition.
func (p *plan) raise(key, source string, was *alarm.State, t *Transition) {
	a, is := t.Alarm, was.Clone()
	if a.Shard = t.Shard; is != nil {
		a.Shard = is.Conditions[0].Alarm.Shard // it stays where it is
	} else if a.Shard == "" && p.state.shards != nil {
		a.Shard = p.state.shards.Home(&a)
	}
	lease := p.lease(t.Lease)
	if is == nil {
		is = &alarm.State{ID: key, Number: p.nextNumber(p.state.shards.Home(&a)), RaisedAt: cmp.Or(a.RaisedAt, p.now), Run: clock.Seconds(p.run)}
	}
	c := is.Find(source)
	if c != nil && alarm.SameEvent(&c.Alarm, &a) {
		set(&p.renewals, source, index.Renewal{Alarm: &a, Lease: lease})
		return
	}
	if !p.fits(is, c, &a) {
		return
	}
	p.state.reportUnknown(&a)
	if c != nil {
		c.Alarm, c.Lease = a, lease
	} else {
		is.Conditions = append(is.Conditions, alarm.Condition{Source: source, Alarm: a, Lease: lease})
	}
	p.outages.Follow(is, p.mutes.Labels(is.Alarm()))
	p.sources[source] = key
	delete(p.renewals, source)
	if why := is.Outdated(p.now); why != "" {
		p.setAck(is, nil, why)
	}
	p.reconcile(key, was, is, nil)
}

// lease returns the end of a lease in run seconds, or 0 if there is none.
func (p *plan) lease(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(1e-9, clock.Seconds(p.run)+clock.Seconds(at.Sub(p.now))) // in seconds, as the sum of durations may overflow
}

// keyOf returns the key of the alarm of a transition. A known condition keeps its alarm.
func (p *plan) keyOf(t *Transition) string {
	key, planned := p.sources[t.Alarm.ID]
	if !planned {
		key = p.state.index.Sources[t.Alarm.ID]
	}
	if key != "" {
		return key
	}
	return p.state.key(&t.Alarm)
}

// Lease is the default duration of a lease.
const Lease = 5 * time.Minute

// announceAll compares the views of all receivers with the active alarms. It queues a Resync for added receivers, because
// alarms may have changed before.
func (p *plan) announceAll(added []*queue.Queue) {
	for _, key := range p.state.index.Keys() {
		p.announce(key)
	}
	for _, q := range added {
		p.resync(q, 0)
	}
}

// announce compares the views of all receivers with one alarm.
func (p *plan) announce(key string) {
	clear(p.ids)
	p.calmText(key)
	p.reconciler.Announce(key)
	p.noteMutes(key)
}

// passTime begins and ends mutes whose time has come.
func (p *plan) passTime() {
	if p.mutes.Due(p.now) {
		p.changeMutes(p.mutes.Pass(p.now))
	}
}

// changeMutes replaces the mutes, and announces the alarms for which that differs.
func (p *plan) changeMutes(c *mute.Change) {
	for kind, list := range map[string][]*mute.Silence{journal.SilenceBegun: c.Begun, journal.SilenceEnded: c.Ended} {
		for _, s := range list {
			p.note(journal.Event{Kind: kind, Value: s.ID, Text: s.Text()})
		}
	}
	for kind, list := range map[string][]mute.Note{journal.WindowBegun: c.Opened, journal.WindowEnded: c.Closed} {
		for _, w := range list {
			p.note(journal.Event{Kind: kind, Value: w.Name, Text: w.Text})
		}
	}
	if p.state.shards.Owns(p.state.shards.Global()) {
		for id, s := range c.Changed {
			set(&p.silences, id, s)
			p.touch(p.state.shards.Global())
		}
	}
	d := c.Set.Since(p.mutes)
	p.mutes = c.Set
	all := d.Intervals && slices.ContainsFunc(p.state.queues.All, func(q *queue.Queue) bool { return len(q.Route.Active)+len(q.Route.Mute) > 0 })
	if d.Empty() && !all {
		return
	}
	for _, key := range p.keys() {
		if s := p.Alarm(key); s != nil && (all || d.Affects(s.Alarm())) {
			p.announce(key)
		}
	}
}

// keys returns the keys of the active alarms, those that the plan raises included.
func (p *plan) keys() []string {
	list := p.state.index.Keys()
	for _, key := range slices.Sorted(maps.Keys(p.alarms)) {
		if p.state.index.Active[key] == nil && p.alarms[key] != nil {
			list = append(list, key)
		}
	}
	return list
}

// setAck sets or removes the acknowledgement of an alarm, and notes that.
func (p *plan) setAck(is *alarm.State, ack *alarm.Ack, why string) {
	kind := journal.AckEnded
	if is.Ack = ack; ack != nil {
		c := *ack
		c.At, c.Severity = p.now, is.Alarm().Severity
		is.Ack, kind, why = &c, journal.Ack, "by "+c.By
	}
	e := journal.OfActive(kind, is.Alarm())
	if e.Reason = why; ack != nil {
		e.Text = ack.Comment
	}
	p.note(e)
}

// cause plans what follows for other alarms from the transition of one. They are announced after all changes of the
// transaction.
func (p *plan) cause(key string, was, is *alarm.State) {
	of := is
	if of == nil {
		of = was
	}
	if p.causes.Put(of.ID, key, is); is == nil {
		p.causes.Put(of.ID, "", p.state.index.Other(of.ID))
	}
}

// DownOf returns the targets of which active alarms say that they do not answer: see Outbox.Down.
type DownOf func(mute.Matchers) map[string]bool

// OutagesOf returns the outages that follow from the active alarms alone.
type OutagesOf func(DownOf) *cause.Outages

// SetOutages replaces the outages of devices, and announces the alarms that they concern.
func (o *Outbox) SetOutages(next *cause.Outages, now time.Time) error {
	return o.do(&change{now: now, plan: func(p *plan) {
		before := p.outages
		p.outages = next
		p.state.index.Use(next.Down, p.state.mutes)
		for _, key := range p.downAt(next.Concerned(before)) {
			s := p.Alarm(key)
			a := s.Alarm()
			if l := p.mutes.Labels(a); (next.Concerns(a.Target) || before.Concerns(a.Target)) && next.Says(l) {
				is := s.Clone()
				if next.Follow(is, l) {
					p.reconcile(key, s, is, nil)
				}
				p.touched = append(p.touched, key)
			}
		}
	}})
}

// behind reports whether an alarm is muted for a receiver by an outage. One that does not want the cause is notified of
// what is behind it.
func (p *plan) behind(q *queue.Queue, a *alarm.Alarm) bool {
	one, muted := p.outages.Outage(p.mutes.Labels(a))
	if !muted || one.Kind != mute.ByCause || q == nil {
		return muted
	}
	if p.said == nil {
		p.said = p.causesOf(p.outages)
	}
	by := p.said[one.Name]
	return by == nil || q.Receiver.Wants(by)
}

// foresee has the alarms that begin with transitions known as causes before the first of them is planned.
func (p *plan) foresee(transitions []Transition) {
	for i := range transitions {
		if p.causes.Empty() {
			return
		}
		t := &transitions[i]
		if key := p.keyOf(t); t.Active && !t.Held && p.Alarm(key) == nil {
			s := &alarm.State{ID: key, RaisedAt: t.Alarm.RaisedAt, Conditions: []alarm.Condition{{Source: t.Alarm.ID, Alarm: t.Alarm}}}
			if s.RaisedAt.IsZero() {
				s.RaisedAt = p.now
			}
			set(&p.foreseen, key, s)
			p.cause(key, nil, s)
		}
	}
}

// announceTouched announces the alarms that transitions of others concern.
func (p *plan) announceTouched() {
	for key, s := range p.foreseen {
		p.cause(key, s, p.Alarm(key)) // it may have been refused, or have ended
	}
	clear(p.foreseen)
	p.touched = append(p.touched, p.causes.Touched(func(key string) bool { _, planned := p.alarms[key]; return planned })...)
	slices.Sort(p.touched)
	for _, key := range slices.Compact(p.touched) {
		p.announce(key)
	}
	p.touched = nil
}
