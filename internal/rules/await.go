package rules

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
)

// awaits reports whether a global rule has to wait for the first poll of a target: none has ended since the rule was
// loaded, or since it last failed. It waits for at most two poll intervals.
func (e *Evaluator) awaits(b *ruleInstance, interval time.Duration, now time.Time) bool {
	if b.since.IsZero() || now.Sub(b.tried) > 2*max(interval, waitTime) {
		b.since = now
	}
	b.tried = now
	only := b.rule.onlyTarget()
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.devices[only]; d != nil {
		return d.awaited(b.since, now)
	}
	if only != "" {
		return false
	}
	for _, d := range e.devices {
		if !d.begun.After(b.since) && d.awaited(b.since, now) {
			return true
		}
	}
	return false
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
