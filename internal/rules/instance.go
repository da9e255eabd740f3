package rules

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// ruleInstance is a rule for one target, or a global one.
type ruleInstance struct {
	rule *Rule

	alerts    Alerts                   // as the last evaluation has them
	persisted map[uint64]*record       // alerts as the database has them, by the hash of their labels
	unseeded  bool                     // the persisted alerts have yet to be put into alerts
	written   map[uint64]labels.Labels // series that the last evaluation yielded
	last      time.Time                // of the last evaluation that succeeded
	resumed   time.Time                // of the first that was tried, and of the first after each gap
	since     time.Time                // of a global rule: passes that ended before do not count
	tried     time.Time                // and when it was last due
	waits     time.Time                // and since when it waits for polls; zero while it does not
	found     map[uint64]promql.Sample // of the expression in this evaluation, by the hash of their alerts' labels
	err       error                    // of the last

	severities map[uint64]string // of the alerts of this evaluation, by the hash of their labels; without those that are as they were
	took       time.Duration
}

func newRuleInstance(r *Rule, restored []*record) *ruleInstance {
	b := &ruleInstance{rule: r, alerts: Alerts{}, persisted: map[uint64]*record{}}
	for _, one := range restored {
		again := *one
		again.fresh = false
		again.cutSeverity(r)
		b.persisted[again.Labels.Hash()] = &again
	}
	b.unseeded = len(restored) > 0
	return b
}

// successor returns the instance of the rule in a new configuration. An unchanged rule keeps its state.
func (b *ruleInstance) successor(r *Rule) *ruleInstance {
	old := b.rule
	if old.Text == r.Text && old.For == r.For && old.KeepFiringFor == r.KeepFiringFor && old.Group.Offset == r.Group.Offset &&
		maps.Equal(old.Labels, r.Labels) && maps.Equal(old.Annotations, r.Annotations) {
		b.rule = r
		return b
	}
	next := newRuleInstance(r, b.records())
	next.written, next.last, next.resumed = b.written, b.last, b.resumed
	return next
}

func (b *ruleInstance) records() []*record { return slices.Collect(maps.Values(b.persisted)) }

// severity returns the severity of an alert, by the hash of its labels.
func (b *ruleInstance) severity(key uint64) string {
	if !b.rule.severity.template {
		return b.rule.severity.value
	}
	if said, ok := b.severities[key]; ok {
		return said
	}
	if old := b.persisted[key]; old != nil {
		return old.Severity
	}
	return ""
}

// persistedSamples returns the samples of persisted alerts, for when the stored ones are older than the lookback.
func (b *ruleInstance) persistedSamples(at time.Time) (vector promql.Vector) {
	for _, r := range b.persisted {
		vector = append(vector, AlertSamples(r.shown(), r.Firing, r.ActiveAt, at)...)
	}
	return vector
}

// activeSamples returns the samples of the active alerts, if any rule selects them.
func (b *ruleInstance) activeSamples(sel *Selectors, at time.Time) (vector promql.Vector) {
	if !sel.Named(alertsName) && !sel.Named(alertsForStateName) {
		return nil
	}
	for key, a := range b.alerts {
		vector = append(vector, AlertSamples(withSeverity(a.Labels, b.severity(key)), a.Firing, a.ActiveAt, at)...)
	}
	return vector
}

// write stores the result of an evaluation, and ends the series that it does not contain any more. Of alerts, it stores
// only series that rules select.
func (b *ruleInstance) write(s *store, sel *Selectors, vector promql.Vector, at time.Time) error {
	if len(vector)+len(b.written) == 0 {
		return nil
	}
	appender := s.appender()
	now := make(map[uint64]labels.Labels, len(vector))
	var rejected error
	add := func(l labels.Labels, t int64, v float64) {
		if _, err := appender.Append(0, l, t, v); err != nil {
			rejected = err
		}
	}
	for _, sample := range vector {
		if b.rule.Record == "" && !sel.Wanted(sample.Metric) {
			continue
		}
		now[sample.Metric.Hash()] = sample.Metric
		add(sample.Metric, sample.T, sample.F)
	}
	for hash, l := range b.written {
		if _, again := now[hash]; !again {
			add(l, at.Add(-b.rule.Group.Offset).UnixMilli(), stale)
		}
	}
	if err := appender.Commit(); err != nil {
		maps.Copy(now, b.written) // which have yet to end
		b.written = now
		return err
	}
	b.written = now
	return rejected
}
