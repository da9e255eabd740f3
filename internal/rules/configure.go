package rules

import (
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
}

// Configure replaces the rules and targets. Alerts of unchanged rules stay; alerts of deleted rules or targets are
// cleared.
func (e *Evaluator) Configure(c Configuration) {
	if c.Set == nil {
		c.Set = NewSet(nil)
	}
	objects := objectsIn(c.Set, c.Names)
	e.configuring.Lock()
	defer e.configuring.Unlock()
	e.mu.Lock()
	e.set, e.settings, e.objects = c.Set, c.Settings, objects
	old := e.devices
	e.devices = make(map[string]*device, len(c.Targets))
	for _, t := range c.Targets {
		if e.devices[t.Name] = old[t.Name]; old[t.Name] == nil {
			e.devices[t.Name] = newDevice()
			e.devices[t.Name].looked = e.takeLooks(t.Name)
			e.devices[t.Name].begun = e.now()
		}
		e.devices[t.Name].interval = t.Interval
	}
	devices := e.devices
	left := e.restored
	for _, o := range e.orphans { // which may have a rule and a target again
		left = append(left, o.record)
	}
	e.restored, e.orphans = nil, nil
	e.mu.Unlock()

	for _, t := range c.Targets {
		left = append(left, e.retarget(devices[t.Name], t, c.Set)...)
	}
	e.global.mu.Lock()
	left = append(left, e.global.reconfigure(c.Set, nil)...)
	e.global.mu.Unlock()
	for name, d := range old {
		if devices[name] == nil {
			left = append(left, e.retire(d)...)
			e.mu.Lock()
			e.looks[name] = nil
			e.mu.Unlock()
		}
	}
	orphans := e.assign(left, devices, c.Set)
	e.global.mu.Lock()
	e.global.bindGlobal(c.Set, e.lastAlive)
	e.global.mu.Unlock()
	if s := e.queryEngine.Load(); s != nil {
		e.queryEngine.Store(e.newQueryEngine(s.store))
	}
	e.mu.Lock()
	e.orphans = append(e.orphans, orphans...)
	e.mu.Unlock()
	e.clearOrphans()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// retarget sets the target and the rules of a device. Series with other labels are other series.
func (e *Evaluator) retarget(d *device, t *poller.Target, set *Set) []*record {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.target != nil && string(d.target.Rendered) != string(t.Rendered) {
		e.endSeries(d)
	}
	return d.reconfigure(set, t)
}

// retire ends the series of a device, and returns its alerts.
func (e *Evaluator) retire(d *device) []*record {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.endSeries(d)
	var list []*record
	for _, b := range d.instances {
		list = append(list, b.records()...)
	}
	for _, records := range d.restored {
		list = append(list, records...)
	}
	d.instances, d.restored = nil, nil
	return list
}

func (e *Evaluator) endSeries(d *device) {
	if s := e.queryEngine.Load(); s != nil {
		if err := d.end(s.store, e.now()); err != nil {
			e.logger.Warn("the series of a target that is gone cannot be ended", "target", d.target.Name, "err", err)
		}
	}
}

// assign hands the alerts of the last process or configuration to their rules. It returns those without a rule or
// target.
func (e *Evaluator) assign(left []*record, devices map[string]*device, set *Set) (orphans []orphan) {
	byUID := map[string]*Rule{}
	for _, r := range set.Rules() {
		byUID[r.UID] = r
	}
	for _, r := range left {
		rule, d := byUID[r.Rule], devices[r.Labels.Get(poller.TargetLabel)]
		if r.Rule == "" {
			rule, r = set.assignRule(r)
		}
		switch {
		case rule == nil || rule.Record != "":
			orphans = append(orphans, orphan{r, "the rule is gone"})
			continue
		case rule.Global != "":
			d = e.global
		case d == nil:
			orphans = append(orphans, orphan{r, "the target is gone"})
			continue
		}
		d.mu.Lock()
		if d.restored == nil {
			d.restored = map[string][]*record{}
		}
		d.restored[r.Rule] = append(d.restored[r.Rule], r)
		d.mu.Unlock()
	}
	return orphans
}

// clearOrphans clears the alerts whose rule or target was deleted, if none are being configured. It is called again if
// they cannot be stored.
func (e *Evaluator) clearOrphans() {
	e.mu.Lock()
	orphans := e.orphans
	e.orphans = nil
	var forgotten []look // of targets that are gone
	for name := range e.looks {
		forgotten = append(forgotten, look{target: name})
	}
	e.mu.Unlock()
	var changes []change
	var transitions []outbox.Transition
	for _, o := range orphans {
		changes = append(changes, change{old: o.record})
		if o.record.sent() {
			transitions = append(transitions, outbox.Transition{Alarm: alarm.Alarm{ID: o.record.ID, Reason: o.reason}})
		}
	}
	if err := e.alertStore.apply(transitions, changes, forgotten, e.read()); err != nil {
		e.logger.Error("alerts of rules or targets that are gone cannot be cleared yet", "err", err)
		e.mu.Lock()
		e.orphans = append(e.orphans, orphans...)
		e.mu.Unlock()
		return
	}
	e.mu.Lock()
	clear(e.looks)
	e.mu.Unlock()
	e.metrics.transitions.Add(float64(len(transitions)))
}
