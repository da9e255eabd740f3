package rules

import (
	"context"
	"sync"
	"time"
)

// defaultInterval is how often global rules are evaluated whose group does not say.
const defaultInterval = time.Minute

// aliveTime is how often it is noted that nothing was missed.
const aliveTime = 10 * time.Second

// clock gives times that a wall clock which is set back does not take back: the store takes no sample that is
// older than the last of its series.
type clock struct {
	start time.Time

	mu    sync.Mutex
	ahead time.Duration // how far the wall clock once was ahead of the time since start
}

// smallStep is how far the wall clock may go back without harm.
const smallStep = time.Second

func (c *clock) steady(t time.Time) time.Time {
	return c.at(t.Round(0).Sub(c.start.Round(0)), t.Sub(c.start))
}

// at gives the time at so much after the start, by the wall clock and by one that cannot be set.
func (c *clock) at(wall, elapsed time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = max(c.ahead, wall-elapsed)
	if elapsed+c.ahead-wall > smallStep {
		wall = elapsed + c.ahead
	}
	return c.start.Round(0).Add(wall)
}

// now is the time as passes have it.
func (e *Evaluator) now() time.Time { return e.clock.steady(e.wall()) }

// keepTime does what time alone brings about, until ctx is cancelled.
func (e *Evaluator) keepTime(ctx context.Context) {
	alive := time.NewTicker(aliveTime)
	defer alive.Stop()
	due := map[groupKey]time.Time{}
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
			e.settle()
			e.configuring.Unlock()
			if err := e.ledger.alive(e.now()); err != nil {
				e.logger.Error("the state of rules cannot be written", "err", err)
			}
		}
		wait.Stop()
	}
}

// groupKey is what a group of rules is known by.
type groupKey struct{ file, name string }

// dueGlobal evaluates the global rules that are due, and tells when the next ones are.
func (e *Evaluator) dueGlobal(ctx context.Context, due map[groupKey]time.Time, now time.Time) time.Time {
	next := now.Add(time.Hour)
	e.mu.Lock()
	set, usual := e.set, e.settings.interval()
	e.mu.Unlock()
	for _, g := range set.Groups {
		interval := g.Interval
		if interval == 0 {
			interval = usual
		}
		key := groupKey{g.File, g.Name}
		if at := due[key]; !at.After(now) {
			e.evaluateGlobal(ctx, g, interval, now)
			due[key] = now.Truncate(interval).Add(interval)
		}
		if due[key].Before(next) {
			next = due[key]
		}
	}
	return next
}

// evaluateGlobal evaluates the global rules of a group.
func (e *Evaluator) evaluateGlobal(ctx context.Context, g *Group, interval time.Duration, now time.Time) {
	s, d := e.store.Load(), e.global
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == nil {
		return
	}
	round := e.newRound(s, d, interval, now)
	for _, b := range d.bound {
		if b.rule.Group != g {
			continue
		}
		if l := e.lossFor(b.rule); l != nil {
			b.err = l.err
			continue
		}
		round.evaluate(ctx, b)
	}
	e.finish(round)
}

// bindGlobal binds the rules that are evaluated over all targets.
func (d *device) bindGlobal(set *Set, alive time.Time) {
	byUID := map[string]*bound{}
	for _, b := range d.bound {
		byUID[b.rule.UID] = b
	}
	d.bound = nil
	for _, r := range set.Rules() {
		if r.Global == "" {
			continue
		}
		b := byUID[r.UID]
		if b == nil {
			b = newBound(r, d.restored[r.UID])
			if b.unseeded {
				b.last = alive
			}
		}
		d.bound = append(d.bound, b)
	}
	d.restored = nil
	d.show()
}
