package rules

import (
	"context"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// bound is a rule of one target, or a global one.
type bound struct {
	rule     *Rule
	alerting *rules.AlertingRule // nil for a recording rule
	eval     rules.Rule

	mirror   map[uint64]*record       // alerts as the database has them, by the hash of their labels
	unseeded bool                     // the alerts of the mirror have yet to be put into the rule
	written  map[uint64]labels.Labels // series that the last evaluation yielded
	last     time.Time                // of the last evaluation that succeeded
	resumed  time.Time                // of the first that was tried, and of the first after each gap
	vector   promql.Vector            // of the last
	err      error                    // of the last
	took     time.Duration
}

// nowhere is the URL that alerts have in the place of Prometheus' own.
var nowhere = &url.URL{}

func newBound(r *Rule, restored []*record) *bound {
	b := &bound{rule: r, mirror: map[uint64]*record{}, written: map[uint64]labels.Labels{}}
	if r.Record != "" {
		b.eval = rules.NewRecordingRule(r.Record, r.Expr, labels.FromMap(r.Labels))
		return b
	}
	b.alerting = rules.NewAlertingRule(r.Alert, r.Expr, r.For, r.KeepFiringFor, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	b.eval = b.alerting
	for _, one := range restored {
		b.mirror[one.Labels.Hash()] = one
	}
	b.unseeded = len(restored) > 0
	return b
}

// successor is the rule as a new configuration has it. What has not changed goes on.
func (b *bound) successor(r *Rule) *bound {
	old := b.rule
	if old.Text == r.Text && old.For == r.For && old.KeepFiringFor == r.KeepFiringFor && old.Group.Offset == r.Group.Offset &&
		maps.Equal(old.Labels, r.Labels) && maps.Equal(old.Annotations, r.Annotations) {
		b.rule = r
		return b
	}
	next := newBound(r, b.records())
	next.written, next.last, next.resumed = b.written, b.last, b.resumed
	return next
}

func (b *bound) records() []*record { return slices.Collect(maps.Values(b.mirror)) }

// seed puts the alerts of the mirror into the rule, by way of an evaluation that finds their samples.
func (b *bound) seed(ctx context.Context, at time.Time) error {
	b.unseeded = false
	first := true
	_, err := b.alerting.Eval(ctx, 0, at, func(_ context.Context, _ string, _ time.Time) (promql.Vector, error) {
		var vector promql.Vector
		for _, r := range b.mirror {
			if first {
				vector = append(vector, promql.Sample{Metric: r.Sample, T: at.UnixMilli(), F: float64(r.Value)})
			}
		}
		first = false
		return vector, nil
	}, nowhere, 0)
	if err != nil {
		return err
	}
	b.alerting.ForEachActiveAlert(func(a *rules.Alert) {
		if r := b.mirror[a.Labels.Hash()]; r != nil {
			r.restore(a, at, b.rule.For)
		} else {
			a.State, a.ResolvedAt = rules.StateInactive, at
		}
	})
	return nil
}

// pause takes time in which the rule was not evaluated out of what counts for `for` and keep_firing_for.
func (b *bound) pause(gap time.Duration) {
	b.alerting.ForEachActiveAlert(func(a *rules.Alert) {
		if a.State == rules.StatePending {
			a.ActiveAt = a.ActiveAt.Add(gap)
		}
		if !a.KeepFiringSince.IsZero() {
			a.KeepFiringSince = a.KeepFiringSince.Add(gap)
		}
	})
}

// alertSeries are the labels under which an alert is in the store.
func alertSeries(name string, a labels.Labels, firing bool) labels.Labels {
	b := labels.NewBuilder(a)
	b.Set(model.MetricNameLabel, name)
	if name == alertsName {
		b.Set(alertState, stateWord(firing))
	}
	return b.Labels()
}

const alertState = "alertstate"

func stateWord(firing bool) string {
	if firing {
		return "firing"
	}
	return "pending"
}

// revive writes the alerts of the mirror into the store again, where they are too old to be seen.
func (b *bound) revive(at time.Time) promql.Vector {
	var vector promql.Vector
	for _, r := range b.mirror {
		vector = append(vector, promql.Sample{Metric: alertSeries(alertsName, r.Labels, r.Firing), T: at.UnixMilli(), F: 1},
			promql.Sample{Metric: alertSeries(alertsForStateName, r.Labels, r.Firing), T: at.UnixMilli(), F: float64(r.ActiveAt.Unix())})
	}
	return vector
}

// write stores what an evaluation yielded, and ends the series that it did not yield again. Of alerts only
// those are stored that rules look at.
func (b *bound) write(ctx context.Context, s *store, sel *Selectors, vector promql.Vector, at time.Time) error {
	if len(vector)+len(b.written) == 0 {
		return nil
	}
	appender := s.AppenderV2(ctx)
	now := make(map[uint64]labels.Labels, len(vector))
	var rejected error
	add := func(l labels.Labels, t int64, v float64) {
		if _, err := appender.Append(0, l, 0, t, v, nil, nil, storage.AOptions{}); err != nil {
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
	b.written = now
	if err := appender.Commit(); err != nil {
		return err
	}
	return rejected
}
