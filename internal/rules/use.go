package rules

import (
	"context"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
)

// Use stores alerts in l, and samples in dir unless they are stored already. An evaluator without rules loads the
// alerts of an earlier process; otherwise its present alerts replace them: they are stored, and receivers are notified.
func (e *Evaluator) Use(l AlertStore, dir string) error {
	e.configuring.Lock()
	defer e.configuring.Unlock()
	left, looked, alive, err := l.load(context.Background(), "", e.logger)
	if err != nil {
		return err
	}
	e.mu.Lock()
	if e.queryEngine.Load() == nil {
		e.dir = dir
	}
	idle := len(e.set.Groups) == 0
	if idle {
		clear(e.looks)
		e.restore(left, looked, alive)
	}
	e.mu.Unlock()
	e.swappable.current.Store(&l)
	if idle {
		return nil
	}
	return e.storeAll(left)
}

// storeAll stores the alerts and looks of all devices, and clears alerts of an earlier process that are not among them.
func (e *Evaluator) storeAll(left []*record) error {
	known, before := map[string]bool{}, map[string]*record{}
	for _, r := range left {
		before[r.ID] = r
	}
	for _, d := range e.allDevices() {
		d.mu.Lock()
		changes, transitions := e.entries(d, known)
		for i := range changes {
			changes[i].old = before[changes[i].now.ID]
		}
		var looked []look
		if d.target != nil && !d.look.empty() {
			looked = []look{d.look.stored(d.target, nil)}
		}
		err := e.store(transitions, changes, looked)
		d.mu.Unlock()
		if err != nil {
			return err
		}
	}
	var changes []change
	var transitions []outbox.Transition
	for _, r := range left {
		if known[r.ID] {
			continue
		}
		changes = append(changes, change{old: r})
		if r.sent() {
			transitions = append(transitions, outbox.Transition{Alarm: alarm.Alarm{ID: r.ID}})
		}
	}
	return e.store(transitions, changes, nil)
}

// entries returns the changes and transitions that store all alerts of a device. The mutex of the device must be held.
func (e *Evaluator) entries(d *device, known map[string]bool) (changes []change, transitions []outbox.Transition) {
	for _, b := range d.instances {
		for key, r := range b.persisted {
			known[r.ID] = true
			changes = append(changes, change{persisted: b.persisted, key: key, now: r})
			if r.sent() {
				transitions = append(transitions, outbox.Transition{Alarm: e.alarmOf(d, b, r, false), Active: true})
			}
		}
	}
	return changes, transitions
}
