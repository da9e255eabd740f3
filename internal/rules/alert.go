package rules

import (
	"errors"
	"maps"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// Alert is an alert that is pending or firing, as of the last evaluation.
type Alert struct {
	Labels          labels.Labels
	Annotations     labels.Labels
	Value           float64 // the last while the condition was true
	Firing          bool
	ActiveAt        time.Time
	FiredAt         time.Time // zero while it is pending
	KeepFiringSince time.Time // when the condition ceased to be true; zero while it is true
}

// Alerts are those of a rule, by the hash of their labels.
type Alerts map[uint64]*Alert

// Step applies the samples that an evaluation found, which have the labels of their alerts, as Prometheus does: an alert
// is pending until its condition has been true for hold, and ends when it is not true, or keep later if it is firing.
func (all Alerts) Step(found promql.Vector, at time.Time, hold, keep time.Duration) {
	present := make(map[uint64]bool, len(found))
	for _, s := range found {
		key := s.Metric.Hash()
		present[key] = true
		a := all[key]
		if a == nil {
			a = &Alert{Labels: s.Metric, ActiveAt: at}
			all[key] = a
		}
		a.Value, a.KeepFiringSince = s.F, time.Time{}
		if !a.Firing && at.Sub(a.ActiveAt) >= hold {
			a.Firing, a.FiredAt = true, at
		}
	}
	maps.DeleteFunc(all, func(key uint64, a *Alert) bool { return !present[key] && a.ends(at, keep) })
}

// ends reports whether an alert ends whose condition is not true.
func (a *Alert) ends(at time.Time, keep time.Duration) bool {
	if !a.Firing {
		return true
	}
	if a.KeepFiringSince.IsZero() {
		a.KeepFiringSince = at
	}
	return at.Sub(a.KeepFiringSince) >= keep
}

// pause excludes a time without evaluations from `for` and keep_firing_for.
func (all Alerts) pause(gap time.Duration) {
	for _, a := range all {
		if !a.Firing {
			a.ActiveAt = a.ActiveAt.Add(gap)
		}
		if !a.KeepFiringSince.IsZero() {
			a.KeepFiringSince = a.KeepFiringSince.Add(gap)
		}
	}
}

const alertState = "alertstate"

func stateWord(firing bool) string {
	if firing {
		return "firing"
	}
	return "pending"
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

// AlertSamples are the two samples of an alert.
func AlertSamples(l labels.Labels, firing bool, activeAt, at time.Time) []promql.Sample {
	return []promql.Sample{
		{Metric: alertSeries(alertsName, l, firing), T: at.UnixMilli(), F: 1},
		{Metric: alertSeries(alertsForStateName, l, firing), T: at.UnixMilli(), F: float64(activeAt.Unix())},
	}
}

// Errors of rules whose labels do not distinguish their rows, in Prometheus' words.
var (
	ErrSameAlerts    = errors.New("vector contains metrics with the same labelset after applying alert labels")
	errSameRecording = errors.New("vector contains metrics with the same labelset after applying rule labels")
)

// Recorded returns the samples with the name and the labels of a recording rule.
func (r *Rule) Recorded(vector promql.Vector) (promql.Vector, error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for i := range vector {
		b.Reset(vector[i].Metric)
		b.Set(model.MetricNameLabel, r.Record)
		for name, value := range r.Labels {
			b.Set(name, value)
		}
		vector[i].Metric = b.Labels()
	}
	if vector.ContainsSameLabelset() {
		return nil, errSameRecording
	}
	return vector, nil
}
