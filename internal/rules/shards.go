package rules

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Take loads the alerts of a shard that was evaluated up to the time alive: they go on as after a restart, and the time since
// then counts neither for `for` nor for keep_firing_for. The next Configure hands them to their targets.
func (e *Evaluator) Take(ctx context.Context, shard string, alive time.Time) error {
	list, looked, _, err := e.alertStore.load(ctx, shard, e.logger) // many at once: nobody else writes what is loaded
	if err != nil {
		return err
	}
	e.configuring.Lock()
	defer e.configuring.Unlock()
	dropped := e.drop(shard)
	now := e.now()
	changes := make([]change, 0, len(list))
	for i, r := range list {
		taken := r.times().Taken(alive, e.read())
		list[i] = r.with(taken).moved(-e.clock.Ahead(e.read()))
		if taken != r.times() {
			changes = append(changes, change{old: r, now: list[i]})
		}
	}
	if err := e.store(nil, changes, nil); err != nil { // else the next owner would count the time before this one
		return err
	}
	e.shards.Take(shard, now)
	e.mu.Lock()
	e.restored.Add(list...)
	maps.Copy(e.looks, looked)
	for name := range looked {
		e.shards.Put(name, shard)
	}
	c := e.configuration
	e.mu.Unlock()
	if dropped > 0 { // targets of the shard that were polled without their alerts
		e.configure(&c)
	}
	return nil
}

// Drop forgets the alerts of a shard. It clears none: another process evaluates them, or will.
func (e *Evaluator) Drop(shard string) {
	e.configuring.Lock()
	defer e.configuring.Unlock()
	e.shards.Drop(shard)
	e.drop(shard)
}

// drop forgets everything of a shard, and returns the number of its targets.
func (e *Evaluator) drop(shard string) int {
	gone := map[string]*device{}
	e.mu.Lock()
	for _, name := range e.shards.Cut(shard) {
		if d := e.devices[name]; d != nil {
			gone[name] = d
		}
		delete(e.devices, name)
		delete(e.targets, name)
		delete(e.looks, name)
	}
	delete(e.restored, shard)
	delete(e.orphans, shard)
	e.mu.Unlock()
	for _, d := range gone {
		e.retire(d)
	}
	if shard == e.shards.ShardOf("") {
		e.global.mu.Lock()
		defer e.global.mu.Unlock()
		e.global.instances, e.global.restored = nil, nil
		e.rounds.Forget()
		e.global.publishHealth()
	}
	return len(gone)
}

// shared returns changes as they are stored for other members, with times of the wall clock.
func (e *Evaluator) shared(changes []change) []change {
	if !e.shards.Many() {
		return changes
	}
	list := slices.Clone(changes)
	for i, c := range list {
		if c.now != nil {
			list[i].now = c.now.moved(e.clock.Ahead(e.read()))
		}
	}
	return list
}

// inherit finds the samples of alerts that this process stored when it had the shard before: other members may have cleared
// the alerts since, and their series then end.
func (r *evaluation) inherit(ctx context.Context, b *ruleInstance) error {
	if b.rule.Record != "" || !r.selectors().Named(alertsName) && !r.selectors().Named(alertsForStateName) {
		return nil
	}
	query := fmt.Sprintf("{__name__=~%q,alertname=%q", alertsName+"|"+alertsForStateName, b.rule.Alert)
	for _, l := range slices.Concat(b.rule.labels, []text{b.rule.severity}) {
		if l.name != "" && !l.template {
			query += fmt.Sprintf(",%q=%q", l.name, l.value)
		}
	}
	found, err := r.query(ctx, query+"}", r.at)
	if err != nil {
		return err
	}
	b.written = make(map[uint64]labels.Labels, len(found))
	for _, s := range found {
		b.written[s.Metric.Hash()] = s.Metric
	}
	return nil
}
