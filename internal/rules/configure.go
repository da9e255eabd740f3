package rules

import (
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/varbind"
)

// Configuration is the configuration of an Evaluator.
type Configuration struct {
	Set      *Set
	Targets  []*poller.Target
	Settings Settings
	Names    varbind.Names // finds the notifications that rules name

	All       []*poller.Target         // with those that other processes poll; nil: there are no more than Targets
	Elsewhere func(target string) bool // polled by another process: alerts of it stay as they are; nil: none is
	Partial   bool                     // others may be added: alerts of the last process stay as they are without a target, and those of global rules
}

// all returns the targets of all processes.
func (c *Configuration) all() []*poller.Target {
	if c.All == nil {
		return c.Targets
	}
	return c.All
}

// elsewhere reports whether a target is of the configuration, and polled by another process.
func (c *Configuration) elsewhere(target string) bool {
	return c.Elsewhere != nil && c.Elsewhere(target)
}

// mayBeAdded reports whether a target that this process does not poll may still be one.
func (c *Configuration) mayBeAdded(target string) bool { return c.Partial || c.elsewhere(target) }

// Configure replaces the rules and targets. Alerts of unchanged rules stay; alerts of deleted rules or targets are
// cleared. With the same set of rules, targets that are the same are not touched.
func (e *Evaluator) Configure(c Configuration) {
	if c.Set == nil {
		c.Set = NewSet(nil)
	}
	e.configuring.Lock()
	defer e.configuring.Unlock()
	e.configure(&c)
}

// configure is Configure, with configuring held.
func (e *Evaluator) configure(c *Configuration) {
	objects := objectsIn(c.Set, c.Names)
	e.mu.Lock()
	sameSet := e.set == c.Set
	e.set, e.settings, e.objects, e.configuration = c.Set, c.Settings, objects, *c
	restored, left := e.restored.All(), []*record(nil)
	for _, o := range e.orphans.All() { // which may have a rule and a target again
		left = append(left, o.record)
	}
	clear(e.restored)
	clear(e.orphans)
	e.mu.Unlock()

	put, gone := e.difference(c.Targets, sameSet)
	fresh := e.enroll(put)
	e.mu.Lock()
	stored := maps.Clone(e.looks)
	e.mu.Unlock()
	renamed := inherit(gone, e.devices, fresh, stored, put)
	e.mu.Lock()
	maps.Copy(e.looks, renamed)
	e.mu.Unlock()
	for _, t := range put {
		left = append(left, e.retarget(e.devices[t.Name], t, c.Set)...)
	}
	if !sameSet {
		e.global.mu.Lock()
		left = append(left, e.global.reconfigure(c.Set, nil)...)
		e.global.mu.Unlock()
	}
	for name, d := range gone {
		records, l := e.retire(d)
		left = append(left, records...)
		if !c.elsewhere(name) {
			e.mu.Lock()
			e.looks[name] = l
			e.mu.Unlock()
		}
	}
	orphans, kept := e.assign(left, c.Set, c.elsewhere)
	others, awaited := e.assign(restored, c.Set, c.mayBeAdded)
	e.global.mu.Lock()
	e.global.bindGlobal(c.Set, e.shards.Owned(e.shards.ShardOf("")), e.shards.Alive(""))
	e.global.mu.Unlock()
	if s := e.queryEngine.Load(); s != nil && s.lookback != e.lookback() {
		e.queryEngine.Store(e.newQueryEngine(s.store))
	}
	texts := c.Set.texts()
	e.mu.Lock()
	e.known = e.known.With(texts, e.now().UnixMilli())
	e.orphans.Add(slices.Concat(orphans, others)...)
	e.restored.Add(slices.Concat(kept, awaited)...)
	e.mu.Unlock()
	e.clearOrphans()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// changesALock is how many devices come or go while the evaluator's mutex is held once: polls end in between.
const changesALock = 500

// difference returns the targets to configure, and the devices of those that are gone, which leave the evaluator. e.devices
// changes only with configuring and mu held, so that either is enough to read it.
func (e *Evaluator) difference(targets []*poller.Target, sameSet bool) (put []*poller.Target, gone map[string]*device) {
	next := make(map[string]*poller.Target, len(targets))
	for _, t := range targets {
		next[t.Name] = t
		if !sameSet || e.targets[t.Name] != t {
			put = append(put, t)
		}
	}
	gone = map[string]*device{}
	for name := range e.targets {
		if next[name] == nil {
			gone[name] = e.devices[name]
		}
	}
	e.targets = next
	for names := range slices.Chunk(slices.Collect(maps.Keys(gone)), changesALock) {
		e.mu.Lock()
		for _, name := range names {
			delete(e.devices, name)
		}
		e.mu.Unlock()
	}
	return put, gone
}

// enroll adds devices of targets, and returns those that there were not.
func (e *Evaluator) enroll(put []*poller.Target) map[string]*device {
	fresh := map[string]*device{}
	for targets := range slices.Chunk(put, changesALock) {
		e.mu.Lock()
		for _, t := range targets {
			d := e.devices[t.Name]
			if d == nil {
				d = newDevice()
				d.look, d.begun = e.takeLook(t.Name), e.now()
				e.devices[t.Name], fresh[t.Name] = d, d
			}
			e.shards.Put(t.Name, e.shards.ShardOf(t.Name))
			d.interval = t.Interval
		}
		e.mu.Unlock()
	}
	return fresh
}

// takeLook removes and returns the stored look at a target. The evaluator's mutex must be held.
func (e *Evaluator) takeLook(target string) *lookState {
	s := newLookState()
	l := e.looks[target]
	delete(e.looks, target)
	for _, uid := range l.Rules {
		s.rules[uid] = true
	}
	s.take(l.Known)
	return s
}

// inherit hands the rows that are known of targets that leave to new targets of the same address: they were renamed.
// Where several leave, nobody knows which. Those that left while no process ran have a stored look.
// Returned are the looks at the new targets, which have yet to be stored.
func inherit(gone, devices, fresh map[string]*device, stored looks, put []*poller.Target) looks {
	renamed := looks{}
	left := map[string][]look{}
	for name, l := range stored {
		if devices[name] == nil {
			left[l.Address] = append(left[l.Address], l)
		}
	}
	for _, d := range gone {
		d.mu.Lock()
		l := d.look.stored(d.target, nil)
		d.mu.Unlock()
		left[l.Address] = append(left[l.Address], l)
	}
	for _, t := range put {
		if from := left[t.Spec.Address]; fresh[t.Name] != nil && len(from) == 1 {
			if s := fresh[t.Name].look; s.empty() && len(from[0].Known) > 0 {
				s.take(from[0].Known)
				renamed[t.Name] = s.stored(t, nil)
			}
		}
	}
	return renamed
}

// retarget sets the target and the rules of a device. Series with other labels are other series.
func (e *Evaluator) retarget(d *device, t *poller.Target, set *Set) []*record {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.target != nil && string(d.target.Rendered) != string(t.Rendered) {
		e.endSeries(d)
		for _, b := range d.instances {
			b.moved = true
		}
	}
	return d.reconfigure(set, t)
}

// retire ends the series of a device, which is not evaluated any more, and returns its alerts and the look at it.
func (e *Evaluator) retire(d *device) (list []*record, l look) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.endSeries(d)
	l = d.look.stored(d.target, nil)
	l.target, l.gone = "", e.now()
	s := e.queryEngine.Load()
	for _, b := range d.instances {
		list = append(list, b.leave()...)
		if s != nil { // else other rules would see its alerts as active
			_ = b.write(s.store, d.selectors, nil, e.now())
		}
	}
	for _, records := range d.restored {
		list = append(list, records...)
	}
	d.target, d.instances, d.restored = nil, nil, nil
	return list, l
}

func (e *Evaluator) endSeries(d *device) {
	if s := e.queryEngine.Load(); s != nil {
		if err := d.end(s.store, e.now()); err != nil {
			e.logger.Warn("the series of a target that is gone cannot be ended", "target", d.target.Name, "err", err)
		}
	}
}

// assign hands the alerts of the last process or configuration to their rules. It returns those without a rule or
// target, and those of targets that are elsewhere.
func (e *Evaluator) assign(left []*record, set *Set, elsewhere func(target string) bool) (orphans []orphan, kept []*record) {
	lose := func(r *record, reason string) {
		if r.gone.IsZero() {
			lost := *r
			lost.gone, r = e.now(), &lost
		}
		orphans = append(orphans, orphan{r, reason})
	}
	byUID, given := map[string]*Rule{}, map[*device]bool{}
	for _, r := range set.Rules() {
		byUID[r.UID] = r
	}
	for _, r := range left {
		rule, d := byUID[r.Rule], e.devices[r.Labels.Get(poller.TargetLabel)]
		if r.Rule == "" {
			rule, r = set.assignRule(r)
		}
		switch target := r.Labels.Get(poller.TargetLabel); {
		case rule == nil || rule.Record != "":
			lose(r, "the rule is gone")
			continue
		case rule.Global != "":
			d, target = e.global, ""
			fallthrough
		case d != nil || elsewhere(target):
			switch strays := e.shards.Many() && r.shard != e.shards.ShardOf(target); {
			case strays && (rule.Global != "" || r.shard == e.shards.ShardOf("")):
				lose(r, "its shard is another one")
				continue
			case strays, d == nil: // others have the target, and move the alert
				kept = append(kept, r)
				continue
			}
		default:
			lose(r, "the target is gone")
			continue
		}
		d.mu.Lock()
		if d.restored == nil {
			d.restored = map[string][]*record{}
		}
		d.restored[r.Rule] = append(d.restored[r.Rule], r)
		d.mu.Unlock()
		given[d] = true
	}
	for d := range given {
		d.mu.Lock()
		d.publishHealth()
		d.mu.Unlock()
	}
	return orphans, kept
}

// settled returns the alerts and looks that may be cleared by now, or have to be stored.
func (e *Evaluator) settled(now time.Time) (orphans []orphan, looked []look) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for shard, list := range e.orphans {
		e.orphans[shard] = slices.DeleteFunc(list, func(o orphan) bool {
			if !e.shards.Settled(o.record.gone, now) {
				return false
			}
			orphans = append(orphans, o)
			return true
		})
	}
	for name, l := range e.looks {
		if l.target == "" {
			if l.gone.IsZero() {
				l.gone = now
				e.looks[name] = l
			}
			if e.configuration.mayBeAdded(name) || !e.shards.Settled(l.gone, now) {
				continue
			}
			l = look{target: name, shard: l.shard}
		}
		looked = append(looked, l)
	}
	return orphans, looked
}

// clearOrphans clears the alerts whose rule or target was deleted, if none are being configured. It is called again if
// they cannot be stored.
func (e *Evaluator) clearOrphans() {
	orphans, looked := e.settled(e.now())
	var changes []change
	var transitions []outbox.Transition
	for _, o := range orphans {
		changes = append(changes, change{old: o.record})
		if o.record.sent() {
			transitions = append(transitions, outbox.Transition{Alarm: alarm.Alarm{ID: o.record.ID, Reason: o.reason}, Shard: o.record.shard})
		}
	}
	if err := e.store(transitions, changes, looked); err != nil {
		e.logger.Error("alerts of rules or targets that are gone cannot be cleared yet", "err", err)
		e.mu.Lock()
		e.orphans.Add(orphans...)
		e.mu.Unlock()
		return
	}
	e.mu.Lock()
	for _, l := range looked {
		delete(e.looks, l.target)
		if e.devices[l.target] == nil {
			e.shards.Remove(l.target)
		}
	}
	e.mu.Unlock()
	e.metrics.transitions.Add(float64(len(transitions)))
}
