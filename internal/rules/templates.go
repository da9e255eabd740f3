package rules

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// noURL takes the place of Prometheus' own URL.
var noURL = &url.URL{}

// texts returns a function that expands the texts of a rule for a sample.
func (r *evaluation) texts(ctx context.Context, rule *Rule, s promql.Sample) func(text) string {
	var data any
	var names map[string]string
	return func(t text) string {
		if !t.template {
			return t.value
		}
		if data == nil {
			names = s.Metric.Map()
			data = template.AlertTemplateData(names, nil, "", s)
		}
		if _, known := names[oidLabel]; !known && strings.Contains(t.value, oidLabel) {
			names[oidLabel] = r.oidOf(ctx, rule, s.Metric)
		}
		at := model.Time(timestamp.FromTime(r.at))
		e := template.NewTemplateExpander(ctx, Variables+t.value, "__alert_"+rule.Alert, data, at, r.queryAll, noURL, nil)
		said, err := e.Expand()
		if err != nil {
			return fmt.Sprintf("<error expanding template: %s>", err)
		}
		return said
	}
}

// withAlertLabels returns the samples with the labels of their alerts, and notes the sample of each alert. No two
// samples may have the same alert.
func (r *evaluation) withAlertLabels(ctx context.Context, b *ruleInstance, vector promql.Vector) (promql.Vector, error) {
	b.found = make(map[uint64]promql.Sample, len(vector))
	l := labels.NewBuilder(labels.EmptyLabels())
	for i, s := range vector {
		say := r.texts(ctx, b.rule, s)
		l.Reset(s.Metric)
		l.Del(model.MetricNameLabel)
		for _, t := range b.rule.labels {
			l.Set(t.name, say(t))
		}
		if b.rule.severity.name != "" {
			l.Del(severityLabel)
		}
		l.Set(labels.AlertName, b.rule.Alert)
		vector[i].Metric = l.Labels()
		b.found[vector[i].Metric.Hash()] = s
	}
	if len(b.found) < len(vector) {
		return nil, ErrSameAlerts
	}
	return vector, nil
}

// annotate sets the annotations and the severities of the alerts whose condition is true. Templates are slow, so they
// are expanded only if the result may differ.
func (r *evaluation) annotate(ctx context.Context, b *ruleInstance) {
	moving := b.rule.severity.volatile || slices.ContainsFunc(b.rule.annotations, func(t text) bool { return t.volatile })
	var list labels.ScratchBuilder
	if b.rule.severity.template {
		b.severities = map[uint64]string{}
	}
	for key, a := range b.alerts {
		s, found := b.found[key]
		if !found {
			continue
		}
		old := b.persisted[key]
		if !moving && s.H == nil && old != nil && old.fresh && old.Value == number(a.Value) && labels.Equal(old.Sample, s.Metric) {
			a.Annotations = old.Annotations
			continue
		}
		say := r.texts(ctx, b.rule, s)
		if b.rule.severity.template {
			b.severities[key] = say(b.rule.severity)
		}
		list.Reset()
		for _, t := range b.rule.annotations {
			list.Add(t.name, say(t))
		}
		a.Annotations = list.Labels()
	}
}
