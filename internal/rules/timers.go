package rules

import (
	"cmp"
	"context"
	"slices"
	"time"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/rules/fleet"
)

// aliveTime is how often the time of the last evaluation is stored.
const aliveTime = 10 * time.Second

// now returns the time of the clock of rules.
func (e *Evaluator) now() time.Time { return e.clock.At(e.read()) }

// wall returns a time of the clock of rules as a time of the wall clock.
func (e *Evaluator) wall(t time.Time) time.Time { return e.clock.Wall(t, e.read()) }

// runTimers evaluates global rules when they are due, and stores the time, until ctx is canceled.
func (e *Evaluator) runTimers(ctx context.Context) {
	alive := time.NewTicker(aliveTime)
	defer alive.Stop()
	due := map[groupKey]plan{}
	for {
		now := e.now()
		wait := time.NewTimer(e.dueGlobal(context.WithoutCancel(ctx), due, now).Sub(now))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-e.changed:
		case <-wait.C:
		case <-alive.C:
			e.configuring.Lock()
			e.clearOrphans()
			e.configuring.Unlock()
			if err := e.markAlive(); err != nil {
				e.throttled.Error("the state of rules cannot be written", "err", err)
			}
			if by := e.clock.Stepped(e.read()); by != 0 {
				e.logger.Warn("the clock was set: rules go on as if it had not been, and show times by it", "by", by)
			}
		}
		wait.Stop()
	}
}

// markAlive stores that no evaluation was missed up to now. In a cluster, that is noted for all shards of a member.
func (e *Evaluator) markAlive() error {
	if e.shards.Many() {
		return nil
	}
	return e.alertStore.markAlive(e.now(), e.read())
}

// groupKey is the key of a group of rules.
type groupKey struct{ file, name string }

// plan is when the global rules of a group are evaluated.
type plan struct {
	last, next time.Time
	interval   time.Duration // that next was planned by
}

// replanned returns the plan for another interval: a shorter one takes effect at once.
func (p plan) replanned(interval time.Duration) plan {
	if soon := p.last.Add(interval); p.interval != interval && soon.Before(p.next) {
		p.next = soon
	}
	p.interval = interval
	return p
}

// waitTime is how soon a group is tried again whose rules wait for passes.
const waitTime = time.Second

// dueGlobal evaluates the global rules that are due, and returns the time of the next ones.
func (e *Evaluator) dueGlobal(ctx context.Context, due map[groupKey]plan, now time.Time) time.Time {
	next := now.Add(time.Hour)
	e.mu.Lock()
	set, usual := e.set, e.settings.interval()
	e.mu.Unlock()
	for _, g := range set.Groups {
		interval := cmp.Or(g.Interval, usual)
		key := groupKey{g.File, g.Name}
		p := due[key].replanned(interval)
		if !p.next.After(now) {
			p.last, p.next = now, now.Truncate(interval).Add(interval)
			if at, whole := e.gather(ctx, g, now); whole && e.evaluateGlobal(ctx, g, interval, at) {
				p.next = now.Add(min(waitTime, interval))
			}
		}
		due[key] = p
		if p.next.Before(next) {
			next = p.next
		}
	}
	return next
}

// evaluateGlobal evaluates the global rules of a group, and reports whether some wait for polls.
func (e *Evaluator) evaluateGlobal(ctx context.Context, g *Group, interval time.Duration, now time.Time) (waits bool) {
	s, d := e.queryEngine.Load(), e.global
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == nil {
		return false
	}
	ev := e.newEvaluation(s, d, interval, now)
	paused := e.paused(now)
	e.mu.Lock()
	partial := e.configuration.Partial
	e.mu.Unlock()
	for _, b := range d.instances {
		if b.rule.Group != g || partial && b.unseeded || slices.ContainsFunc(paused, func(t *poller.Target) bool { return e.mayBeIn(t, b.rule) }) {
			continue
		}
		if e.awaits(b, interval, now) {
			waits = true
			continue
		}
		if l := e.lossFor(b.rule); l != nil {
			b.err = l.err
			continue
		}
		ev.evaluate(ctx, b)
	}
	ev.complete(ctx)
	e.finish(ev)
	return waits
}

// gather has the global rules of a group look at the last polls of all members of a cluster. It returns when it has, and
// whether these are of all targets: otherwise the rules stay as they are.
func (e *Evaluator) gather(ctx context.Context, g *Group, now time.Time) (at time.Time, whole bool) {
	if !e.shards.Many() {
		return now, true
	}
	s := e.queryEngine.Load()
	match, rules := g.selected()
	e.mu.Lock()
	all := e.configuration.all()
	since, err := e.known.Since(&fleet.Request{Match: match}) // an error while other rules are being taken over
	e.mu.Unlock()
	if s == nil || rules == 0 || err != nil || !e.shards.Owned(e.shards.ShardOf("")) {
		return now, false
	}
	here := &fleet.Here{Source: e.source(s), Append: func() fleet.Appender { return s.store.appender() }, Wall: e.read()}
	here.Polled = func(target string) bool {
		d := e.device(target)
		return d != nil && d.lastPoll.Load() > since
	}
	wall := e.wall(now)
	for _, t := range all { // rules that may look at one that is paused are not evaluated
		if !e.since(t.Name, wall).Before(wall) {
			here.Targets = append(here.Targets, t.Name)
		}
	}
	whole, err = e.rounds.Gather(ctx, g.Name, rules, match, here)
	if err != nil {
		e.throttled.Error("samples of other members cannot be stored: rules that look at them stay as they are", "err", err)
	}
	return e.now(), whole && err == nil
}

// selected returns the selectors of the global rules of a group, and the number of these rules.
func (g *Group) selected() (match []string, rules int) {
	for _, r := range g.Rules {
		if r.Global == "" {
			continue
		}
		rules++
		match = append(match, expression.Texts(r.Expr)...)
	}
	slices.Sort(match)
	return slices.Compact(match), rules
}

// source has the samples of the targets that are polled here.
func (e *Evaluator) source(s *queryEngine) fleet.Source {
	return fleet.Source{
		Samples: s.store.samples, Now: e.now().UnixMilli(), Lookback: s.lookback.Milliseconds(), Ahead: e.clock.Ahead(e.read()).Milliseconds(),
		Has: func(target string) bool { return e.device(target) != nil }, Global: e.shards.Owned(e.shards.ShardOf("")),
	}
}

// bindGlobal binds the rules that are evaluated over all targets, if this process evaluates them.
func (d *device) bindGlobal(set *Set, owned bool, alive time.Time) {
	byUID := map[string]*ruleInstance{}
	for _, b := range d.instances {
		byUID[b.rule.UID] = b
	}
	d.instances = nil
	for _, r := range set.Rules() {
		if r.Global == "" || !owned {
			continue
		}
		b := byUID[r.UID]
		if b == nil {
			b = newRuleInstance(r, d.restored[r.UID], alive)
		}
		d.instances = append(d.instances, b)
	}
	d.restored = nil
	d.publishHealth()
}
