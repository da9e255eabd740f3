package unittest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// duration returns a duration in the format of test files.
func duration(d time.Duration) string { return model.Duration(d).String() }

// checkAlerts compares the alerts that fire with those that are expected. Rules may share a name.
func (r *run) checkAlerts(t *alertTest) {
	var want, got []string
	for _, a := range t.ExpAlerts {
		all := labels.NewBuilder(labels.FromMap(a.Labels)).Set(labels.AlertName, t.Alertname).Labels()
		want = append(want, alertText(all, labels.FromMap(a.Annotations)))
	}
	for _, g := range r.groups {
		for _, one := range g.rules {
			if one.Alert == t.Alertname {
				got = append(got, one.firing()...)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		r.fail(t.At.line, "%s at %s:\n%s", t.Alertname, t.EvalTime, difference(want, got))
	}
}

// firing returns the alerts of a rule that fire.
func (one *rule) firing() (list []string) {
	for _, a := range one.alerts {
		if a.Firing {
			list = append(list, alertText(a.Labels, a.Annotations))
		}
	}
	return list
}

func alertText(l, annotations labels.Labels) string {
	return fmt.Sprintf("%s %s", l, annotations)
}

// difference returns both lists as text, with marks where they differ.
func difference(want, got []string) string {
	var b strings.Builder
	show := func(title string, list, other []string) {
		fmt.Fprintf(&b, "    %s:", title)
		if len(list) == 0 {
			b.WriteString(" nothing\n")
			return
		}
		b.WriteString("\n")
		for _, text := range list {
			mark := ' '
			if !slices.Contains(other, text) {
				mark = '!'
			}
			fmt.Fprintf(&b, "    %c %s\n", mark, text)
		}
	}
	show("want", want, got)
	show("got", got, want)
	return strings.TrimSuffix(b.String(), "\n")
}

// sample is a sample of an expression's result.
type sample struct {
	labels    labels.Labels
	value     float64
	histogram string // in the language of Prometheus' tests; takes the place of value
}

func (s sample) String() string {
	if s.histogram != "" {
		return s.labels.String() + " " + s.histogram
	}
	return s.labels.String() + " " + strconv.FormatFloat(s.value, 'g', -1, 64)
}

func sortSamples(list []sample) {
	slices.SortFunc(list, func(a, b sample) int { return labels.Compare(a.labels, b.labels) })
}

func (r *run) checkExpr(t *exprTest) {
	got, err := r.query(t.Expr, r.test.start().Add(time.Duration(t.EvalTime)))
	if err != nil {
		r.fail(t.At.line, "%s at %s: %w", t.Expr, t.EvalTime, err)
		return
	}
	var want []sample
	for _, e := range t.ExpSamples {
		s, err := e.sample()
		if err != nil {
			r.fail(t.At.line, "%s at %s: %w", t.Expr, t.EvalTime, err)
			return
		}
		want = append(want, s)
	}
	sortSamples(want)
	sortSamples(got)
	if !slices.EqualFunc(want, got, r.same) {
		r.fail(t.At.line, "%s at %s:\n%s", t.Expr, t.EvalTime, difference(texts(want), texts(got)))
	}
}

func texts(list []sample) (texts []string) {
	for _, s := range list {
		texts = append(texts, s.String())
	}
	return texts
}

// same reports whether samples are equal. With fuzzy_compare, adjacent numbers are equal.
func (r *run) same(a, b sample) bool {
	if a.histogram != b.histogram || !labels.Equal(a.labels, b.labels) {
		return false
	}
	return a.value == b.value || r.file.FuzzyCompare && math.Nextafter(a.value, b.value) == b.value
}

func (r *run) query(expr string, at time.Time) ([]sample, error) {
	q, err := r.engine.NewInstantQuery(r.context, r.memory, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(r.context)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case promql.Scalar:
		return []sample{{value: v.V}}, nil
	case promql.Vector:
		var list []sample
		for _, s := range v {
			list = append(list, sample{s.Metric.Copy(), s.F, histogramText(s.H)})
		}
		return list, nil
	}
	return nil, fmt.Errorf("the result is a %s: want a vector or a scalar", result.Value.Type())
}

func (e *expectedSample) sample() (sample, error) {
	l, err := language.ParseMetric(e.Labels)
	if err != nil || e.Histogram == "" {
		return sample{labels: l, value: e.Value}, err
	}
	_, values, err := language.ParseSeriesDesc("{} " + e.Histogram)
	if err == nil && (len(values) != 1 || values[0].Histogram == nil) {
		err = fmt.Errorf("%q is not one histogram", e.Histogram)
	}
	if err != nil {
		return sample{}, err
	}
	return sample{labels: l, histogram: histogramText(values[0].Histogram)}, nil
}

// histogramText returns a histogram in the language of Prometheus' tests.
func histogramText(h *histogram.FloatHistogram) string {
	if h == nil {
		return ""
	}
	return h.TestExpression()
}
