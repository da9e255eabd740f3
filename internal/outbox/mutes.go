package outbox

import (
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// Mutes returns the mutes of alarms.
func (o *Outbox) Mutes() *mute.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.mutes
}

// Silence stores a silence and mutes the alarms that it matches, in one transaction. It returns its ID: see mute.Set.Put.
func (o *Outbox) Silence(s mute.Silence, now time.Time) (id string, err error) {
	fresh := mute.NewID()
	if err := o.changeMutes(now, func(set *mute.Set, now time.Time) (c *mute.Change, err error) {
		c, id, err = set.Put(s, fresh, now)
		return c, err
	}); err != nil {
		return "", err
	}
	return id, nil
}

// Expire ends a silence. One that has ended stays as it is.
func (o *Outbox) Expire(id string, now time.Time) error {
	return o.changeMutes(now, func(set *mute.Set, now time.Time) (*mute.Change, error) { return set.Expire(id, now) })
}

// changeMutes commits a change of mutes, unless it is refused.
func (o *Outbox) changeMutes(now time.Time, make func(*mute.Set, time.Time) (*mute.Change, error)) error {
	var refused error
	err := o.do(&change{now: now, plan: func(p *plan) {
		var c *mute.Change
		if c, refused = make(p.mutes, p.now); refused == nil {
			p.touch(p.state.shards.Global())
			p.changeMutes(c)
		}
	}})
	if err != nil { // it may still be planned
		return err
	}
	return refused
}

// SetTargets replaces the mutes of the configuration by rules that differ in the labels of some targets alone: see
// mute.Rules.WithTargets. Only the alarms of these targets are looked at again.
func (o *Outbox) SetTargets(r *mute.Rules, targets map[string]bool, now time.Time) error {
	return o.do(&change{now: now, plan: func(p *plan) { p.relabel(r, targets) }})
}

// relabel plans other labels of targets.
func (p *plan) relabel(r *mute.Rules, targets map[string]bool) {
	p.mutes = p.mutes.WithRules(r)
	p.causes.Relabel(p.mutes.Labels)
	p.relabels = true
	look := func(key string) {
		s := p.Alarm(key)
		if s == nil || !targets[s.Conditions[0].Alarm.Target] {
			return
		}
		p.causes.Put(s.ID, key, s)
		p.relabeled = append(p.relabeled, key)
		p.touched = append(p.touched, key)
	}
	for key := range p.state.index.Active {
		look(key)
	}
	for key := range p.alarms {
		if p.state.index.Active[key] == nil {
			look(key)
		}
	}
	p.state.index.EachInhibitor(func(s *alarm.State) {
		if targets[s.Conditions[0].Alarm.Target] {
			p.causes.Put(s.ID, "", s)
			p.relabeled = append(p.relabeled, s.ID)
		}
	})
}

// unrest counts the raise or the clear of an alarm. It reports whether the alarm is to be muted after this raise, because
// it comes and goes.
func (p *plan) unrest(was, is *alarm.State) (flaps bool) {
	switch {
	case was == nil:
		p.mutes, flaps = p.mutes.Changed(p.owner, is.Alarm(), true, p.run)
		is.Flaps = flaps
	case is == nil:
		p.mutes, _ = p.mutes.Changed(p.owner, was.Alarm(), false, p.run)
	}
	return flaps
}

// calm ends the mutes of alarms that are quiet, and of a storm that is over.
func (p *plan) calm() {
	p.changeMutes(&mute.Change{Set: p.mutes.Calm(p.owner, p.run)})
}

// calmText removes from the text of an alarm that it comes and goes, once it does not.
func (p *plan) calmText(key string) {
	if s := p.Alarm(key); s != nil && s.Flaps && !p.mutes.IsFlapping(s.ID) {
		c := s.Clone()
		c.Flaps = false
		p.PutAlarm(key, c)
	}
}

// storm raises, renews or clears the alarm about a storm.
func (p *plan) storm() {
	set, a, on := p.mutes.Storm(p.owner, p.run)
	p.mutes = set
	source := mute.StormRule
	if p.state.shards != nil { // each member has its own
		source += "/" + p.state.shards.Member
	}
	_, known := p.state.index.Sources[source]
	switch {
	case a != nil:
		if p.state.shards != nil {
			a.ID, a.Labels["member"] = source, p.state.shards.Member
		}
		p.transition(&Transition{Alarm: *a, Active: true})
	case known && !on:
		p.transition(&Transition{Alarm: alarm.Alarm{ID: source}})
	}
}
