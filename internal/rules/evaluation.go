package rules

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/rules/expression"
)

// evaluation is the evaluation of rules at one time.
type evaluation struct {
	evaluator *Evaluator
	store     *queryEngine
	queryAll  template.QueryFunc // over all targets
	query     template.QueryFunc // over the rules' own
	device    *device
	shard     string        // of its alerts
	interval  time.Duration // between rounds
	at        time.Time
	reason    string // why alerts are over, where that is not their condition

	changes     []change
	transitions []outbox.Transition
	records     []*record                         // of the transitions, before some are withheld
	looked      []string                          // baseline rules that have had their first evaluation
	learned     []string                          // expressions whose rows are known
	compared    map[*ruleInstance]comparedSamples // of rules whose alarms have ended
}

func (e *Evaluator) newEvaluation(s *queryEngine, d *device, interval time.Duration, at time.Time) *evaluation {
	r := &evaluation{evaluator: e, store: s, device: d, interval: interval, at: at, queryAll: QueryFunc(s.engine, s.store.samples)}
	r.query = r.queryAll
	if d.target == nil {
		r.shard = e.shards.ShardOf("")
	} else {
		r.shard = e.shards.ShardOf(d.target.Name)
		only := labels.MustNewMatcher(labels.MatchEqual, poller.TargetLabel, d.target.Name)
		r.query = QueryFunc(s.engine, scoped{s.store.samples, only})
	}
	return r
}

// evaluate evaluates one rule, and notes the changes. A failed evaluation changes nothing.
func (r *evaluation) evaluate(ctx context.Context, b *ruleInstance) {
	start := time.Now()
	failed := b.err
	b.err = r.try(ctx, b)
	b.took = time.Since(start)
	r.evaluator.metrics.evaluations.Inc()
	switch {
	case b.filling && b.err == nil:
	case b.err != nil && failed == nil:
		r.evaluator.metrics.failures.Inc()
		r.evaluator.logger.Warn("a rule cannot be evaluated", "rule", b.rule.UID, "of", r.device.String(), "err", b.err)
	case b.err != nil:
		r.evaluator.metrics.failures.Inc()
	default:
		b.last = r.at
		if b.rule.Alert != "" {
			r.diff(ctx, b)
		}
	}
	b.found = nil
}

func (r *evaluation) try(ctx context.Context, b *ruleInstance) error {
	if b.unseeded {
		if err := r.seed(ctx, b); err != nil {
			return err
		}
	}
	gap := r.at.Sub(b.last)
	emptied := b.rule.Window > 0 && gap >= b.rule.Window && gap > r.interval*3/2 // its window has but the last sample
	first := b.resumed.IsZero()
	if (gap > 2*r.interval || emptied || first) && !b.filling {
		b.resumed = r.at
	}
	if first && r.evaluator.shards.Many() {
		if err := r.inherit(ctx, b); err != nil {
			return err
		}
	}
	if len(b.persisted) > 0 && gap > r.store.lookback/2 || first && len(b.persisted)+len(b.written) > 0 {
		before := r.at.Add(-time.Millisecond)
		if err := b.write(r.store.store, r.selectors(), b.persistedSamples(before), before); err != nil {
			return err
		}
	}
	at := r.at.Add(-b.rule.Group.Offset)
	var err error
	if b.filling, err = r.fills(ctx, b, at); b.filling || err != nil {
		return err
	}
	if gap > 2*r.interval && !b.last.IsZero() {
		b.alerts.pause(gap - r.interval)
	}
	if err := r.learn(ctx, b.rule, at); err != nil {
		return err
	}
	vector, err := r.query(ctx, b.rule.query.QueryAt(r.evaluator.clock.Ahead(r.evaluator.read())), at)
	switch {
	case err != nil:
	case b.rule.Record != "":
		vector, err = b.rule.Recorded(vector)
	default:
		vector, err = r.alert(ctx, b, r.keepFiring(b, r.withoutJumps(b, vector)), at)
	}
	if err != nil {
		return err
	}
	return b.write(r.store.store, r.selectors(), vector, r.at)
}

// fills reports whether a range that a rule looks at has too few samples for a result, so that the rule is not evaluated: in
// the first half of the range since the first poll, or since the first after a gap, half the samples of a range have to be
// there. They may be of before the gap.
func (r *evaluation) fills(ctx context.Context, b *ruleInstance, at time.Time) (bool, error) {
	for _, one := range b.rule.ranges {
		half := one.Length / 2
		if !r.at.Before(b.resumed.Add(half - r.interval)) {
			continue
		}
		found, err := r.query(ctx, one.Count, at)
		if err != nil {
			return false, err
		}
		if len(found) == 0 || time.Duration(found[0].F)*cmp.Or(one.Step, r.interval) < half {
			return true, nil
		}
	}
	return false, nil
}

// alert updates the alerts of a rule with the samples found, and returns the samples of the alerts.
func (r *evaluation) alert(ctx context.Context, b *ruleInstance, found promql.Vector, at time.Time) (promql.Vector, error) {
	found, err := r.withAlertLabels(ctx, b, found)
	if err != nil {
		return nil, err
	}
	b.follow(found, r.device.target)
	b.alerts.Step(found, r.at, b.rule.For, b.rule.KeepFiringFor)
	r.annotate(ctx, b)
	return b.activeSamples(r.selectors(), at), nil
}

// seed adds the persisted alerts, with the texts of their rule where it makes the same labels of their samples.
func (r *evaluation) seed(ctx context.Context, b *ruleInstance) error {
	b.unseeded = false
	var vector promql.Vector
	for _, one := range b.persisted {
		vector = append(vector, promql.Sample{Metric: one.Sample, T: r.at.UnixMilli(), F: float64(one.Value)})
	}
	for key, one := range b.persisted {
		b.alerts[key] = one.alert(r.at, b.rule.For)
		if r.evaluator.alarmID(b, one) != one.ID {
			b.keep(one.ID)
		}
	}
	if _, err := r.withAlertLabels(ctx, b, vector); err != nil {
		return err
	}
	r.annotate(ctx, b)
	return nil
}

func (r *evaluation) selectors() *Selectors { return r.device.selectors }

// keepFiring keeps alerts firing while a gap in the samples is within the window of their rule: a rate over a gap is
// too low, or absent. It keeps those whose row is gone if their rule says so.
func (r *evaluation) keepFiring(b *ruleInstance, vector promql.Vector) promql.Vector {
	uninterrupted := b.resumed
	if mended := r.evaluator.mended(r.device); mended.After(uninterrupted) {
		uninterrupted = mended
	}
	gap := r.at.Before(uninterrupted.Add(b.rule.Window+r.interval)) && b.rule.Window > 0
	if len(b.persisted) == 0 || !gap && b.rule.Annotations[notify.AnnotationRowGone] != notify.KeepRow {
		return vector
	}
	there := map[uint64]bool{}
	for _, s := range vector {
		there[s.Metric.Hash()] = true
	}
	for _, one := range b.persisted {
		if one.Firing && !there[one.Sample.Hash()] && (gap || r.gone(b, one)) {
			vector = append(vector, promql.Sample{Metric: one.Sample, T: r.at.UnixMilli(), F: float64(one.Value)})
		}
	}
	return vector
}

// withoutJumps leaves out new rows that may be the result of a jump of counters.
func (r *evaluation) withoutJumps(b *ruleInstance, vector promql.Vector) promql.Vector {
	if !b.rule.rates || len(r.device.jumps) == 0 {
		return vector
	}
	known := map[uint64]bool{}
	for _, one := range b.persisted {
		known[one.Sample.Hash()] = one.Firing
	}
	since := r.at.Add(-b.rule.Window - r.interval)
	return slices.DeleteFunc(vector, func(s promql.Sample) bool { return !known[s.Metric.Hash()] && r.device.mayBeJump(s.Metric, since) })
}

// diff notes the differences to the persisted alerts.
func (r *evaluation) diff(ctx context.Context, b *ruleInstance) {
	for key, a := range b.alerts {
		r.updateAlert(ctx, b, key, a)
	}
	for key, old := range b.persisted {
		if b.alerts[key] == nil {
			r.changes = append(r.changes, change{persisted: b.persisted, key: key, old: old})
			if old.sent() {
				r.clearAlarm(ctx, b, old)
			}
		}
	}
}

// updateAlert notes the changes of an active alert.
func (r *evaluation) updateAlert(ctx context.Context, b *ruleInstance, key uint64, a *Alert) {
	old := b.persisted[key]
	now := &record{
		Rule: b.rule.UID, Labels: a.Labels, Severity: b.severity(key), Annotations: a.Annotations, Value: number(a.Value), Firing: a.Firing,
		ActiveAt: a.ActiveAt, FiredAt: a.FiredAt, KeepFiringSince: a.KeepFiringSince, fresh: true, shard: r.shard,
	}
	if old != nil {
		now.ID, now.Sample = old.ID, old.Sample
	} else {
		now.ID, now.Sample = r.evaluator.alarmID(b, now), sampleOf(b, key, a)
	}
	now.Baseline = r.holds(b.rule, old, now)
	now.Noted = now.held()
	wasSent := old != nil && old.sent()
	forgot := old != nil && !old.fresh && slices.ContainsFunc(b.rule.annotations, func(t text) bool { return valued.MatchString(t.value) }) // outboxes store no changes of values alone
	news := now.sent() && (!wasSent || forgot || old.Severity != now.Severity || !labels.Equal(old.Annotations, now.Annotations) || !labels.Equal(old.Labels, now.Labels))
	if old != nil && !news && !old.differs(a) && old.Severity == now.Severity && old.Baseline == now.Baseline && old.Noted == now.Noted && labels.Equal(old.Labels, now.Labels) {
		b.persisted[key] = now // it differs in nothing that is stored
	} else {
		r.changes = append(r.changes, change{b.persisted, key, old, now})
	}
	switch {
	case news:
		r.transitions = append(r.transitions, outbox.Transition{Alarm: r.evaluator.alarmOf(r.device, b, now, false), Active: true, Shard: r.shard})
		r.records = append(r.records, now)
	case !now.Firing && wasSent:
		r.clearAlarm(ctx, b, old)
	}
}

// clearAlarm notes the clear of an alarm: the reason, the value, and the annotations for the present row.
func (r *evaluation) clearAlarm(ctx context.Context, b *ruleInstance, old *record) {
	a := r.evaluator.alarmOf(r.device, b, old, true)
	a.Value = ""
	a.Reason = r.reason
	if gone := a.Reason == "" && r.gone(b, old); gone {
		a.Reason, a.Gone = "the row is gone", true
	} else if s, known := r.clearing(ctx, b, old); known {
		say := r.texts(ctx, b.rule, s)
		a.Value = number(s.F).String()
		for _, t := range b.rule.annotations {
			switch t.name {
			case notify.AnnotationValue:
				a.Value = say(t)
			case notify.AnnotationClearSummary:
				a.ClearSummary = say(t)
			}
		}
	}
	r.transitions, r.records = append(r.transitions, outbox.Transition{Alarm: a, Shard: r.shard}), append(r.records, old)
}

// gone reports whether the row of an alert is absent.
func (r *evaluation) gone(b *ruleInstance, old *record) bool { return r.device.gone(b.rule, old) }

// gone reports whether the row of an alert is absent.
func (d *device) gone(rule *Rule, old *record) bool {
	metric, _ := expression.Condition(rule.Expr)
	return d.caches[metric] != nil && !isPollSeries(metric) && d.tables.Lacks(metric, old.Sample)
}

// ClearKept clears an alert whose row is gone and that is kept for that, by its target and the ID of its condition. It
// reports whether there is such an alert of a rule, and whether it was cleared: otherwise its rule still fires, or the
// target does not answer.
func (e *Evaluator) ClearKept(target, id, reason string) (known, cleared bool, err error) {
	d := e.device(target)
	if d == nil {
		return false, false, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.instances {
		for key, old := range b.persisted {
			if old.ID != id {
				continue
			}
			if b.rule.Annotations[notify.AnnotationRowGone] != notify.KeepRow || d.tables == nil || len(d.tables.Sets) == 0 || !d.gone(b.rule, old) {
				return true, false, nil
			}
			end := outbox.Transition{Alarm: alarm.Alarm{ID: id, Reason: reason, Gone: true}, Shard: old.shard}
			if err := e.store([]outbox.Transition{end}, []change{{old: old}}, nil); err != nil {
				return true, false, err
			}
			delete(b.persisted, key)
			delete(b.alerts, key)
			return true, true, nil
		}
	}
	return false, false, nil
}

// sampleOf returns the labels of the sample of an alert. If that is absent, they are the labels of the alert without
// those that the rule sets.
func sampleOf(b *ruleInstance, key uint64, a *Alert) labels.Labels {
	if s, found := b.found[key]; found {
		return s.Metric
	}
	rest := labels.NewBuilder(a.Labels).Del(labels.AlertName)
	for _, t := range b.rule.labels {
		rest.Del(t.name)
	}
	return rest.Labels()
}

// commit stores the changes and the notifications in one transaction. If that fails nothing has changed, and the next
// evaluation finds the same changes; so it does for alarms that are refused.
func (r *evaluation) commit() error {
	looks := r.looksToStore()
	err := r.evaluator.store(r.transitions, r.changes, looks)
	if full := (*outbox.FullError)(nil); errors.As(err, &full) {
		r.withhold(full.Refused)
		err = r.evaluator.store(r.transitions, r.changes, looks)
	}
	if err != nil {
		r.evaluator.metrics.uncommitted.Inc()
		return err
	}
	for _, c := range r.changes {
		if c.now == nil {
			delete(c.persisted, c.key)
		} else {
			c.persisted[c.key] = c.now
		}
	}
	r.keepLooks()
	r.evaluator.metrics.transitions.Add(float64(len(r.transitions)))
	return nil
}

// withhold removes the changes of refused alarms: their stored alerts stay as they are.
func (r *evaluation) withhold(refused []string) {
	is := map[string]bool{}
	for _, id := range refused {
		is[id] = true
	}
	r.transitions = slices.DeleteFunc(r.transitions, func(t outbox.Transition) bool { return t.Active && is[t.Alarm.ID] })
	r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return c.now != nil && is[c.now.ID] })
}
