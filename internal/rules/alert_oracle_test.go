package rules

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// What follows is AlertingRule.Eval of Prometheus 3.16 (rules/alerting.go, Apache License 2.0, Copyright The Prometheus
// Authors) without locks, logs, limit and external labels. Its package is not imported: it requires the SDKs of three clouds.

type oracleState int

const (
	stateInactive oracleState = iota
	statePending
	stateFiring
)

func (s oracleState) String() string { return [...]string{"inactive", "pending", "firing"}[s] }

type oracleAlert struct {
	State oracleState

	Labels      labels.Labels
	Annotations labels.Labels
	Value       float64

	ActiveAt, FiredAt, ResolvedAt, KeepFiringSince time.Time
}

type oracleRule struct {
	name                        string
	holdDuration, keepFiringFor time.Duration
	labels, annotations         labels.Labels
	active                      map[uint64]*oracleAlert
}

func (r *oracleRule) sample(alert *oracleAlert, ts time.Time) promql.Sample {
	lb := labels.NewBuilder(r.labels)
	alert.Labels.Range(func(l labels.Label) { lb.Set(l.Name, l.Value) })
	lb.Set(model.MetricNameLabel, "ALERTS")
	lb.Set(labels.AlertName, r.name)
	lb.Set("alertstate", alert.State.String())
	return promql.Sample{Metric: lb.Labels(), T: timestamp.FromTime(ts), F: 1}
}

func (r *oracleRule) forStateSample(alert *oracleAlert, ts time.Time, v float64) promql.Sample {
	lb := labels.NewBuilder(r.labels)
	alert.Labels.Range(func(l labels.Label) { lb.Set(l.Name, l.Value) })
	lb.Set(model.MetricNameLabel, "ALERTS_FOR_STATE")
	lb.Set(labels.AlertName, r.name)
	return promql.Sample{Metric: lb.Labels(), T: timestamp.FromTime(ts), F: v}
}

// resolvedRetention is how long a resolved alert is kept.
const resolvedRetention = 15 * time.Minute

func (r *oracleRule) expand(smpl promql.Sample, ts time.Time, text string) string {
	defs := []string{
		"{{$labels := .Labels}}", "{{$externalLabels := .ExternalLabels}}", "{{$externalURL := .ExternalURL}}", "{{$value := .Value}}",
	}
	tmpl := template.NewTemplateExpander(
		context.Background(), strings.Join(append(defs, text), ""), "__alert_"+r.name,
		template.AlertTemplateData(smpl.Metric.Map(), nil, "", smpl), model.Time(timestamp.FromTime(ts)), nil, &url.URL{}, nil,
	)
	result, err := tmpl.Expand()
	if err != nil {
		result = fmt.Sprintf("<error expanding template: %s>", err)
	}
	return result
}

func (r *oracleRule) found(res promql.Vector, ts time.Time) (map[uint64]*oracleAlert, error) {
	lb := labels.NewBuilder(labels.EmptyLabels())
	sb := labels.NewScratchBuilder(0)
	alerts := make(map[uint64]*oracleAlert, len(res))
	for _, smpl := range res {
		lb.Reset(smpl.Metric)
		lb.Del(model.MetricNameLabel)
		r.labels.Range(func(l labels.Label) { lb.Set(l.Name, r.expand(smpl, ts, l.Value)) })
		lb.Set(labels.AlertName, r.name)
		sb.Reset()
		r.annotations.Range(func(a labels.Label) { sb.Add(a.Name, r.expand(smpl, ts, a.Value)) })
		lbs := lb.Labels()
		h := lbs.Hash()
		if _, ok := alerts[h]; ok {
			return nil, fmt.Errorf("vector contains metrics with the same labelset after applying alert labels")
		}
		alerts[h] = &oracleAlert{Labels: lbs, Annotations: sb.Labels(), ActiveAt: ts, State: statePending, Value: smpl.F}
	}
	return alerts, nil
}

func (r *oracleRule) Eval(queryOffset time.Duration, ts time.Time, res promql.Vector) (vec promql.Vector, err error) {
	alerts, err := r.found(res, ts)
	if err != nil {
		return nil, err
	}
	for h, a := range alerts {
		if alert, ok := r.active[h]; ok && alert.State != stateInactive {
			alert.Value = a.Value
			alert.Annotations = a.Annotations
			continue
		}
		r.active[h] = a
	}
	for fp, a := range r.active {
		if _, ok := alerts[fp]; !ok {
			if !r.unseen(fp, a, ts) {
				continue
			}
		} else {
			a.KeepFiringSince = time.Time{}
		}
		if a.State == statePending && ts.Sub(a.ActiveAt) >= r.holdDuration {
			a.State = stateFiring
			a.FiredAt = ts
		}
		if a.State == stateFiring && ts.Sub(a.ActiveAt) < r.holdDuration {
			a.State = statePending
			a.FiredAt = time.Time{}
			a.KeepFiringSince = time.Time{}
		}
		vec = append(vec, r.sample(a, ts.Add(-queryOffset)))
		vec = append(vec, r.forStateSample(a, ts.Add(-queryOffset), float64(a.ActiveAt.Unix())))
	}
	return vec, nil
}

// unseen is what becomes of an alert that was not found, and reports whether it is kept firing.
func (r *oracleRule) unseen(fp uint64, a *oracleAlert, ts time.Time) (keepFiring bool) {
	if a.State == stateFiring && r.keepFiringFor > 0 {
		if a.KeepFiringSince.IsZero() {
			a.KeepFiringSince = ts
		}
		if ts.Sub(a.KeepFiringSince) < r.keepFiringFor {
			keepFiring = true
		}
	}
	if a.State == statePending || (!a.ResolvedAt.IsZero() && ts.Sub(a.ResolvedAt) > resolvedRetention) {
		delete(r.active, fp)
	}
	if a.State != stateInactive && !keepFiring {
		a.State = stateInactive
		a.ResolvedAt = ts
	}
	return keepFiring
}
