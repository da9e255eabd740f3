package rules

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"trapline/internal/notify"
	"trapline/internal/poller"
)

// round is the evaluation of rules at one time.
type round struct {
	evaluator *Evaluator
	store     *backing
	query     template.QueryFunc // over all targets
	scope     template.QueryFunc // over the rules' own
	device    *device
	interval  time.Duration // between rounds
	at        time.Time
	reason    string // why alerts are over, where that is not their condition

	changes     []change
	transitions []notify.Transition
	looked      []string            // baseline rules that have had their first look
	compared    map[*bound]compared // of rules whose alarms have ended
}

func (e *Evaluator) newRound(s *backing, d *device, interval time.Duration, at time.Time) *round {
	r := &round{evaluator: e, store: s, device: d, interval: interval, at: at, query: QueryFunc(s.engine, s.store.samples)}
	r.scope = r.query
	if d.target != nil {
		only := labels.MustNewMatcher(labels.MatchEqual, poller.TargetLabel, d.target.Name)
		r.scope = QueryFunc(s.engine, scoped{s.store.samples, only})
	}
	return r
}

// evaluate evaluates one rule, and notes what has changed. An evaluation that fails changes nothing.
func (r *round) evaluate(ctx context.Context, b *bound) {
	start := time.Now()
	failed := b.err
	b.err = r.try(ctx, b)
	b.took = time.Since(start)
	r.evaluator.metrics.evaluations.Inc()
	switch {
	case b.err != nil && failed == nil:
		r.evaluator.metrics.failures.Inc()
		r.evaluator.logger.Warn("a rule cannot be evaluated", "rule", b.rule.UID, "of", r.device.String(), "err", b.err)
	case b.err != nil:
		r.evaluator.metrics.failures.Inc()
	default:
		b.last = r.at
		if b.rule.Alert != "" {
			r.compare(ctx, b)
		}
	}
	b.found = nil
}

func (r *round) try(ctx context.Context, b *bound) error {
	if b.unseeded {
		if err := r.seed(ctx, b); err != nil {
			return err
		}
	}
	gap := r.at.Sub(b.last)
	emptied := b.rule.Window > 0 && gap >= b.rule.Window && gap > r.interval*3/2 // what it looks back at has but the last sample
	if gap > 2*r.interval || emptied || b.resumed.IsZero() {
		b.resumed = r.at
	}
	if gap > 2*r.interval && !b.last.IsZero() {
		b.alerts.pause(gap - r.interval)
	}
	if len(b.mirror) > 0 && gap > r.store.lookback/2 {
		before := r.at.Add(-time.Millisecond)
		if err := b.write(r.store.store, r.selectors(), b.revive(before), before); err != nil {
			return err
		}
	}
	at := r.at.Add(-b.rule.Group.Offset)
	vector, err := r.scope(ctx, b.rule.queryAt(r.evaluator.clock.ahead(r.evaluator.read())), at)
	switch {
	case err != nil:
	case b.rule.Record != "":
		vector, err = b.rule.Recorded(vector)
	default:
		vector, err = r.alert(ctx, b, r.hold(b, r.withoutJumps(b, vector)), at)
	}
	if err != nil {
		return err
	}
	return b.write(r.store.store, r.selectors(), vector, r.at)
}

// alert goes on with the alerts of a rule for what it found, and returns their samples.
func (r *round) alert(ctx context.Context, b *bound, found promql.Vector, at time.Time) (promql.Vector, error) {
	found, err := r.labelled(ctx, b, found)
	if err != nil {
		return nil, err
	}
	b.alerts.Step(found, r.at, b.rule.For, b.rule.KeepFiringFor)
	r.annotate(ctx, b)
	return b.active(r.selectors(), at), nil
}

// seed puts those alerts of the mirror into the rule that still have the labels which the rule makes of their samples.
func (r *round) seed(ctx context.Context, b *bound) error {
	b.unseeded = false
	var vector promql.Vector
	for _, one := range b.mirror {
		vector = append(vector, promql.Sample{Metric: one.Sample, T: r.at.UnixMilli(), F: float64(one.Value)})
	}
	if _, err := r.labelled(ctx, b, vector); err != nil {
		return err
	}
	for key := range b.found {
		if one := b.mirror[key]; one != nil {
			b.alerts[key] = one.alert(r.at, b.rule.For)
		}
	}
	r.annotate(ctx, b)
	return nil
}

func (r *round) selectors() *Selectors { return r.device.selectors }

// hold keeps alerts firing while a gap in the samples is within what their rule looks back at: a rate over
// it is too low, or there is none.
func (r *round) hold(b *bound, vector promql.Vector) promql.Vector {
	whole := b.resumed
	if mended := r.evaluator.mended(r.device); mended.After(whole) {
		whole = mended
	}
	if len(b.mirror) == 0 || !r.at.Before(whole.Add(b.rule.Window+r.interval)) || b.rule.Window == 0 {
		return vector
	}
	there := map[uint64]bool{}
	for _, s := range vector {
		there[s.Metric.Hash()] = true
	}
	for _, one := range b.mirror {
		if one.Firing && !there[one.Sample.Hash()] {
			vector = append(vector, promql.Sample{Metric: one.Sample, T: r.at.UnixMilli(), F: float64(one.Value)})
		}
	}
	return vector
}

// withoutJumps leaves out rows that are new and may have come about because counters jumped.
func (r *round) withoutJumps(b *bound, vector promql.Vector) promql.Vector {
	if !b.rule.rates || len(r.device.jumps) == 0 {
		return vector
	}
	known := map[uint64]bool{}
	for _, one := range b.mirror {
		known[one.Sample.Hash()] = one.Firing
	}
	since := r.at.Add(-b.rule.Window - r.interval)
	return slices.DeleteFunc(vector, func(s promql.Sample) bool { return !known[s.Metric.Hash()] && r.device.quiet(s.Metric, since) })
}

// compare notes what is different from what the database has.
func (r *round) compare(ctx context.Context, b *bound) {
	for key, a := range b.alerts {
		r.goOn(ctx, b, key, a)
	}
	for key, old := range b.mirror {
		if b.alerts[key] == nil {
			r.changes = append(r.changes, change{bound: b, key: key, old: old})
			if old.sent() {
				r.clear(ctx, b, old)
			}
		}
	}
}

// goOn notes an alert that is active.
func (r *round) goOn(ctx context.Context, b *bound, key uint64, a *Alert) {
	old := b.mirror[key]
	now := &record{
		Rule: b.rule.UID, Labels: a.Labels, Severity: b.severity(key), Annotations: a.Annotations, Value: number(a.Value), Firing: a.Firing,
		ActiveAt: a.ActiveAt, FiredAt: a.FiredAt, KeepFiringSince: a.KeepFiringSince, fresh: true,
	}
	if old != nil {
		now.ID, now.Sample = old.ID, old.Sample
		now.Baseline = old.Baseline && b.rule.Baseline && !(old.Firing && old.Severity != now.Severity)
	} else {
		now.ID, now.Sample = r.evaluator.alarmID(b, now), sampleOf(b, key, a)
		now.Baseline = r.device.baseline(b.rule)
	}
	if old != nil && !old.differs(a) && old.Severity == now.Severity && old.Baseline == now.Baseline { // in nothing that is stored
		b.mirror[key] = now
	} else {
		r.changes = append(r.changes, change{b, key, old, now})
	}
	wasSent := old != nil && old.sent()
	switch {
	case now.sent() && (!wasSent || old.Severity != now.Severity || !labels.Equal(old.Annotations, now.Annotations) && !old.differs(a)):
		r.transitions = append(r.transitions, notify.Transition{Alarm: r.evaluator.alarmOf(r.device, b, now, false), Active: true})
	case !now.Firing && wasSent:
		r.clear(ctx, b, old)
	}
}

// clear notes the end of an alarm: why, by which value, and what the row says now.
func (r *round) clear(ctx context.Context, b *bound, old *record) {
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
	r.transitions = append(r.transitions, notify.Transition{Alarm: a})
}

// gone tells whether what an alert was about is not there any more.
func (r *round) gone(b *bound, old *record) bool {
	metric, _ := condition(b.rule.Expr)
	return r.device.shelves[metric] != nil && !isTruth(metric) && r.device.tables.lacks(metric, old.Sample)
}

// sampleOf gives the labels of the sample that an alert was made of. Where that is not there any more, they
// are the alert's, but for those that the rule sets.
func sampleOf(b *bound, key uint64, a *Alert) labels.Labels {
	if s, found := b.found[key]; found {
		return s.Metric
	}
	rest := labels.NewBuilder(a.Labels).Del(labels.AlertName)
	for _, t := range b.rule.labels {
		rest.Del(t.name)
	}
	return rest.Labels()
}

// commit puts all that has changed into the database, together with what receivers are to be sent of it.
// If that fails nothing has changed, and the next round finds the same; so it does for alarms that are refused.
func (r *round) commit() error {
	looks := r.looksToStore()
	err := r.evaluator.ledger.apply(r.transitions, r.changes, looks, r.evaluator.read())
	if full := (*notify.FullError)(nil); errors.As(err, &full) {
		r.withhold(full.Refused)
		err = r.evaluator.ledger.apply(r.transitions, r.changes, looks, r.evaluator.read())
	}
	if err != nil {
		r.evaluator.metrics.uncommitted.Inc()
		return err
	}
	for _, c := range r.changes {
		if c.now == nil {
			delete(c.bound.mirror, c.key)
		} else {
			c.bound.mirror[c.key] = c.now
		}
	}
	r.keepLooks()
	r.evaluator.metrics.transitions.Add(float64(len(r.transitions)))
	return nil
}

// withhold leaves out alerts whose alarms were refused: what is stored of them stays as it is.
func (r *round) withhold(refused []string) {
	is := map[string]bool{}
	for _, id := range refused {
		is[id] = true
	}
	r.transitions = slices.DeleteFunc(r.transitions, func(t notify.Transition) bool { return t.Active && is[t.Alarm.ID] })
	r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return c.now != nil && is[c.now.ID] })
}
