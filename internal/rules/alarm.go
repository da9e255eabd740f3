package rules

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/rules/fleet"
	"trapline/internal/rules/tables"
)

// alarmOf returns the alarm of an alert, active or over. Invalid annotations are left out and logged.
func (e *Evaluator) alarmOf(d *device, b *ruleInstance, r *record, over bool) alarm.Alarm {
	a, err := notify.AlarmOf(e.deployment, r.shown().Map(), r.Annotations.Map())
	if err != nil {
		e.logger.Warn("annotations of an alert are left out", "rule", b.rule.UID, "err", err)
	}
	a.ID, a.RaisedAt, a.ClearSummary = r.ID, e.wall(r.FiredAt), ""
	a.Value = cmp.Or(a.Value, r.Value.String())
	a.Metric, a.Condition = expression.Condition(b.rule.Expr)
	row, t := e.row(d, e.wanted(&a, r))
	if t == nil {
		t = e.elsewhere(a.Target)
	}
	if t != nil && !a.Address.IsValid() {
		a.Address, _ = notify.AddressOf(t.Spec.Address[strings.LastIndex(t.Spec.Address, "/")+1:])
	}
	row.Describe(&a, over)
	return a
}

// elsewhere returns the target with a name that another process polls; nil if there is none.
func (e *Evaluator) elsewhere(name string) *poller.Target {
	e.mu.Lock()
	all := e.configuration.All
	e.mu.Unlock()
	if i := slices.IndexFunc(all, func(t *poller.Target) bool { return t.Name == name }); i >= 0 && name != "" {
		return all[i]
	}
	return nil
}

func (e *Evaluator) wanted(a *alarm.Alarm, r *record) *tables.Wanted {
	return &tables.Wanted{Target: a.Target, Metric: a.Metric, Sample: r.Sample, Objects: e.objectsOf(a)}
}

// row returns what the last poll of a target has of a row, and the target if it is polled here. The mutex of d must be held.
func (e *Evaluator) row(d *device, w *tables.Wanted) (row tables.Row, t *poller.Target) {
	if d.target == nil {
		if d = e.device(w.Target); d == nil {
			return row, nil
		}
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	return d.tables.Row(w), d.target
}

// complete adds to alarms whatever other members have of their targets.
func (r *evaluation) complete(ctx context.Context) {
	var lacking []fleet.Lacking
	for i, of := range r.records {
		if t := &r.transitions[i]; t.Alarm.Target != "" && r.evaluator.device(t.Alarm.Target) == nil {
			lacking = append(lacking, fleet.Lacking{Wanted: *r.evaluator.wanted(&t.Alarm, of), Alarm: &t.Alarm, Over: !t.Active})
		}
	}
	if err := r.evaluator.rounds.Describe(ctx, lacking); err != nil {
		r.evaluator.throttled.Warn("alarms of targets of other members lack values of their devices", "err", err)
	}
}

// oidOf returns the OID that a sample of a rule came from, as templates have it; "" if it is not known.
func (r *evaluation) oidOf(ctx context.Context, rule *Rule, sample labels.Labels) string {
	metric, _ := expression.Condition(rule.Expr)
	w := tables.Wanted{Target: sample.Get(poller.TargetLabel), Metric: metric, Sample: sample}
	row, here := r.evaluator.row(r.device, &w)
	if here == nil && w.Target != "" {
		rows, _ := r.evaluator.rounds.Rows(ctx, []tables.Wanted{w}) // without an answer it is not known
		row = rows[0]
	}
	return row.Variable
}

// comparedSamples finds the samples that a rule compares, by their labels without the name.
type comparedSamples struct {
	names []string // of their labels
	rows  map[uint64]promql.Sample
}

// clearing returns the sample that the rule of an alarm compares, as of the clear: the left side of the first
// comparison, or the right side if the left one is a number.
func (r *evaluation) clearing(ctx context.Context, b *ruleInstance, old *record) (promql.Sample, bool) {
	found, asked := r.compared[b]
	if !asked {
		found = r.comparedBy(ctx, b)
		if r.compared == nil {
			r.compared = map[*ruleInstance]comparedSamples{}
		}
		r.compared[b] = found
	}
	s, known := found.rows[old.Sample.MatchLabels(true, found.names...).Hash()]
	s.Metric = old.Sample
	return s, known
}

func (r *evaluation) comparedBy(ctx context.Context, b *ruleInstance) (found comparedSamples) {
	c := expression.Comparison(b.rule.Expr)
	if c == nil {
		return found
	}
	side := c.LHS
	if side.Type() == parser.ValueTypeScalar {
		side = c.RHS
	}
	vector, err := r.query(ctx, side.String(), r.at.Add(-b.rule.Group.Offset))
	if err != nil || len(vector) == 0 {
		return found
	}
	vector[0].Metric.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel {
			found.names = append(found.names, l.Name)
		}
	})
	found.rows = make(map[uint64]promql.Sample, len(vector))
	for _, s := range vector {
		found.rows[s.Metric.MatchLabels(true, found.names...).Hash()] = s
	}
	return found
}

// alarmID returns the ID of an alert that begins. One that began with the same labels and has others by now keeps its own.
func (e *Evaluator) alarmID(b *ruleInstance, r *record) string {
	of := r.Labels.Map()
	id := alarm.ID(e.deployment, b.rule.UID, r.Labels.Get(poller.TargetLabel), of)
	if b.kept[id] {
		of[""] = "again"
		id = alarm.ID(e.deployment, b.rule.UID, r.Labels.Get(poller.TargetLabel), of)
	}
	return id
}
