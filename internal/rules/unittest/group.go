package unittest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"trapline/internal/rules"
)

// group is a group of a rule file, evaluated as Prometheus does: over all series, and with its limit.
type group struct {
	file, name string
	limit      int
	offset     time.Duration
	rules      []*rule
}

type rule struct {
	rules.Rule
	query  string // as Prometheus writes it
	alerts rules.Alerts
	series map[uint64]labels.Labels // of the last evaluation
}

// loadRules reads the rule files. Groups are evaluated in the order of group_eval_order, the others before
// them.
func (r *run) loadRules() error {
	for _, file := range r.file.RuleFiles {
		if slices.ContainsFunc(r.groups, func(g *group) bool { return g.file == file }) {
			continue
		}
		parsed, errs := rulefmt.ParseFile(file, r.options.IgnoreUnknownFields, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		for i := range parsed.Groups {
			r.groups = append(r.groups, newGroup(file, &parsed.Groups[i]))
		}
	}
	slices.SortFunc(r.groups, func(a, b *group) int {
		place := func(g *group) int { return slices.Index(r.file.GroupEvalOrder, g.name) }
		if place(a) != place(b) {
			return place(a) - place(b)
		}
		return strings.Compare(a.file+";"+a.name, b.file+";"+b.name)
	})
	return nil
}

func newGroup(file string, parsed *rulefmt.RuleGroup) *group {
	g := &group{file: file, name: parsed.Name, limit: parsed.Limit}
	if parsed.QueryOffset != nil {
		g.offset = time.Duration(*parsed.QueryOffset)
	}
	for _, p := range parsed.Rules {
		all := labels.NewBuilder(labels.FromMap(parsed.Labels))
		for name, text := range p.Labels {
			all.Set(name, text)
		}
		one := &rule{query: p.Expr, alerts: rules.Alerts{}}
		if expr, err := language.ParseExpr(p.Expr); err == nil { // which ParseFile did too
			one.query = expr.String()
		}
		one.Rule = rules.Rule{
			Record: p.Record, Alert: p.Alert, For: time.Duration(p.For), KeepFiringFor: time.Duration(p.KeepFiringFor),
			Labels: all.Labels().Map(), Annotations: p.Annotations,
		}
		g.rules = append(g.rules, one)
	}
	return g
}

// evaluate evaluates the rules of a group one after the other, and stores their results.
func (g *group) evaluate(r *run, now time.Time) error {
	for _, one := range g.rules {
		at := now.Add(-g.offset)
		found, err := r.instant(r.context, one.query, at)
		if err == nil {
			found, err = one.evaluate(r, found, now, at)
		}
		if count := max(len(one.alerts), len(found)); err == nil && g.limit > 0 && one.exceeds(g.limit, len(found)) {
			clear(one.alerts)
			err = fmt.Errorf("exceeded limit of %d with %d", g.limit, count)
		}
		if err == nil {
			err = one.store(r.memory, found, at)
		}
		if err != nil {
			return fmt.Errorf("rule %s: %w", one.Name(), err)
		}
	}
	return nil
}

func (one *rule) exceeds(limit, found int) bool {
	return one.Alert != "" && len(one.alerts) > limit || one.Record != "" && found > limit
}

// evaluate returns the series of a rule, or those of its alerts.
func (one *rule) evaluate(r *run, found promql.Vector, now, at time.Time) (promql.Vector, error) {
	if one.Record != "" {
		return one.Recorded(found)
	}
	annotations := map[uint64]labels.Labels{}
	for i, s := range found {
		expand := r.expander(one, s, now)
		l := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel)
		for name, text := range one.Labels {
			l.Set(name, expand(text))
		}
		found[i].Metric = l.Set(labels.AlertName, one.Alert).Labels()
		var list labels.ScratchBuilder
		for name, text := range one.Annotations {
			list.Add(name, expand(text))
		}
		list.Sort()
		annotations[found[i].Metric.Hash()] = list.Labels()
	}
	if len(annotations) < len(found) {
		return nil, rules.ErrSameAlerts
	}
	one.alerts.Step(found, now, one.For, one.KeepFiringFor)
	var vector promql.Vector
	for key, a := range one.alerts {
		if text, ok := annotations[key]; ok {
			a.Annotations = text
		}
		vector = append(vector, rules.AlertSamples(a.Labels, a.Firing, a.ActiveAt, at)...)
	}
	return vector, nil
}

// expander expands templates for a sample.
func (r *run) expander(one *rule, s promql.Sample, now time.Time) func(string) string {
	data := template.AlertTemplateData(s.Metric.Map(), r.test.ExternalLabels.Map(), r.test.ExternalURL, s)
	return func(text string) string {
		e := template.NewTemplateExpander(r.context, rules.Variables+text, "__alert_"+one.Alert, data, model.Time(now.UnixMilli()),
			r.instant, &url.URL{}, nil)
		said, err := e.Expand()
		if err != nil {
			return fmt.Sprintf("<error expanding template: %s>", err)
		}
		return said
	}
}

// store stores the result of a rule, and ends the series that it does not contain any more.
func (one *rule) store(m memory, vector promql.Vector, at time.Time) error {
	ended := one.series
	one.series = map[uint64]labels.Labels{}
	for _, s := range vector {
		if err := m.add(s.Metric, point{s.T, s.F, s.H}); err != nil {
			return err
		}
		one.series[s.Metric.Hash()] = s.Metric
	}
	for key, l := range ended {
		if one.series[key].IsEmpty() {
			// An error is not one: another rule has the series.
			_ = m.add(l, point{t: at.UnixMilli(), v: math.Float64frombits(value.StaleNaN)})
		}
	}
	return nil
}

// instant evaluates an expression at one time.
func (r *run) instant(ctx context.Context, text string, at time.Time) (promql.Vector, error) {
	return rules.QueryFunc(r.engine, r.memory)(ctx, text, at)
}
