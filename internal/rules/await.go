package rules

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
)

// awaits reports whether a global rule has to wait for the first poll of a target that it may look at: none has ended
// since the rule was loaded, or since it last failed, or since the target was added. It waits for at most two poll
// intervals, however many targets come one after the other.
func (e *Evaluator) awaits(b *ruleInstance, interval time.Duration, now time.Time) bool {
	if b.since.IsZero() || now.Sub(b.tried) > 2*max(interval, waitTime) {
		b.since = now
	}
	b.tried = now
	if b.waits.IsZero() {
		b.waits = now
	}
	if slices.ContainsFunc(e.awaited(b, now), func(d *device) bool { return d.mayBeIn(b.rule) }) {
		return true
	}
	b.waits = time.Time{}
	return false
}

// awaited returns the targets that a rule waits for, if it may look at them.
func (e *Evaluator) awaited(b *ruleInstance, now time.Time) (list []*device) {
	only := b.rule.onlyTarget()
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, d := range e.devices {
		if (only == "" || name == only) && now.Before(b.waits.Add(2*d.interval)) && d.awaited(b.since, now) {
			list = append(list, d)
		}
	}
	return list
}

// awaited reports whether no poll of the target has ended since, and one may still end in time.
func (d *device) awaited(since, now time.Time) bool {
	if d.begun.After(since) {
		since = d.begun
	}
	return d.lastPoll.Load() < since.UnixMilli() && now.Before(since.Add(2*d.interval))
}

// onlyTarget returns the target that all selectors of a rule name, or "".
func (r *Rule) onlyTarget() (name string) {
	for _, vs := range expression.Selectors(r.Expr) {
		i := slices.IndexFunc(vs.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == poller.TargetLabel && m.Type == labels.MatchEqual })
		if i < 0 || name != "" && vs.LabelMatchers[i].Value != name {
			return ""
		}
		name = vs.LabelMatchers[i].Value
	}
	return name
}

// lastPolled returns until when the last process polled a target: to its end, or to the pause in which it ended. A pause
// that ended less than a poll interval before counts, too.
func (e *Evaluator) lastPolled(t *poller.Target) time.Time {
	alive := e.shards.Alive(t.Name)
	for _, at := range []time.Time{alive, alive.Add(-t.Interval)} {
		if since := e.since(t.Name, at); since.Before(at) {
			return since
		}
	}
	return alive
}

// paused returns the targets that are not polled at a moment.
func (e *Evaluator) paused(now time.Time) (list []*poller.Target) {
	wall := e.wall(now)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.configuration.all() {
		if e.since(t.Name, wall).Before(wall) {
			list = append(list, t)
		}
	}
	return list
}

// mayBeIn reports whether a rule may look at series of the target.
func (e *Evaluator) mayBeIn(t *poller.Target, r *Rule) bool {
	if d := e.device(t.Name); d != nil {
		return d.mayBeIn(r)
	}
	return r.maySelect(t)
}

// mayBeIn reports whether a rule may look at series of the target. Those of a target that was not polled yet are unknown.
func (d *device) mayBeIn(r *Rule) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.target == nil || d.poll == 0 {
		return d.target != nil && r.maySelect(d.target)
	}
	return slices.ContainsFunc(expression.Selectors(r.Expr), func(vs *parser.VectorSelector) bool {
		n, known := d.selectors.number[vs]
		return !known || d.seen[n] || d.selectors.made[n]
	})
}

// maySelect reports whether a rule may look at series of a target, by the labels of the target.
func (r *Rule) maySelect(t *poller.Target) bool {
	return slices.ContainsFunc(expression.Selectors(r.Expr), func(vs *parser.VectorSelector) bool {
		return !slices.ContainsFunc(vs.LabelMatchers, func(m *labels.Matcher) bool {
			own, has := t.Labels[m.Name]
			if m.Name == poller.TargetLabel {
				own, has = t.Name, true
			}
			return has && !m.Matches(own)
		})
	})
}
