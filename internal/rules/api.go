package rules

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/rules/result"
	"trapline/internal/series"
)

// status is the state of a rule over all targets.
type status struct {
	alerts []result.Alert
	err    error
	last   time.Time
	took   time.Duration
}

// statuses returns the status of each rule, by UID.
func (e *Evaluator) statuses() map[string]*status {
	list := map[string]*status{}
	for _, d := range e.allDevices() {
		shown := d.health.Load()
		if shown == nil {
			continue
		}
		for _, f := range *shown {
			s := list[f.uid]
			if s == nil {
				s = &status{}
				list[f.uid] = s
			}
			s.took += f.took
			if f.err != nil {
				s.err = f.err
			}
			if f.last.After(s.last) {
				s.last = f.last
			}
			for _, r := range f.alerts {
				s.alerts = append(s.alerts, result.Alert{
					Labels: r.shown(), Annotations: r.Annotations, State: stateWord(r.Firing), ActiveAt: e.wall(r.ActiveAt), KeepFiringSince: e.wall(r.KeepFiringSince),
					Value: strconv.FormatFloat(float64(r.Value), 'e', -1, 64),
				})
			}
		}
	}
	for _, s := range list {
		s.last = e.wall(s.last)
		slices.SortFunc(s.alerts, func(a, b result.Alert) int { return labels.Compare(a.Labels, b.Labels) })
	}
	return list
}

// RuleGroups returns the rules with their alerts, as Prometheus' API has them.
func (e *Evaluator) RuleGroups() []result.Group {
	e.mu.Lock()
	set, usual := e.set, e.settings.interval()
	e.mu.Unlock()
	all := e.statuses()
	groups := []result.Group{}
	for _, g := range set.Groups {
		one := result.Group{Name: g.Name, File: g.File, Interval: cmp.Or(g.Interval, usual).Seconds(), Rules: []result.Rule{}}
		for _, rule := range g.Rules {
			one.Rules = append(one.Rules, rule.answer(all[rule.UID]))
		}
		groups = append(groups, one)
	}
	return groups
}

// answer returns a rule as Prometheus' API has it. A status of nil means that it has no instances.
func (r *Rule) answer(s *status) result.Rule {
	a := result.Rule{Name: r.Name(), Query: r.Text, Labels: r.Labels, Annotations: r.Annotations, Health: result.Unknown, Type: "recording", Global: r.Global}
	if r.Alert != "" {
		hold, keep := r.For.Seconds(), r.KeepFiringFor.Seconds()
		a.Type, a.State, a.Duration, a.KeepFiringFor = "alerting", result.Inactive, &hold, &keep
	}
	if s == nil {
		return a
	}
	a.Alerts, a.EvaluationTime, a.LastEvaluation = s.alerts, s.took.Seconds(), s.last
	if a.Health = result.OK; s.err != nil {
		a.Health, a.LastError = result.Failing, s.err.Error()
	}
	for _, one := range s.alerts {
		if a.State != result.Firing {
			a.State = one.State
		}
	}
	return a
}

// Alerts returns the series ALERTS and ALERTS_FOR_STATE of Prometheus.
func (e *Evaluator) Alerts() series.Group {
	alerts := series.Column{Desc: &series.Desc{Name: alertsName, Help: "Alerts that are pending or firing."}, Table: &series.Table{}}
	since := series.Column{Desc: &series.Desc{Name: alertsForStateName, Help: "When the alert became pending."}, Table: &series.Table{}}
	for _, s := range e.statuses() {
		for _, a := range s.alerts {
			addSeries(&alerts, labels.NewBuilder(a.Labels).Set(alertState, a.State).Labels(), 1)
			addSeries(&since, a.Labels, float64(a.ActiveAt.Unix()))
		}
	}
	return series.Group{Sets: []*series.Set{{Columns: []series.Column{alerts, since}}}}
}

func addSeries(c *series.Column, of labels.Labels, v float64) {
	start := len(c.Table.Labels)
	of.Range(func(l labels.Label) {
		c.Table.Labels = series.AppendLabel(c.Table.Labels, start, series.LabelName(l.Name), []byte(l.Value))
	})
	c.Table.AddRow()
	c.Values = append(c.Values, v)
}
