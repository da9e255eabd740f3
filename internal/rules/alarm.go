package rules

import (
	"cmp"
	"context"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules/expression"
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
	if d.target == nil {
		if d = e.device(a.Target); d == nil {
			return a
		}
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	if address, ok := notify.AddressOf(d.address()); ok && !a.Address.IsValid() {
		a.Address = address
	}
	if d.tables == nil {
		return a
	}
	found := e.found(d, &a, r)
	if over {
		a.VarBinds = append(found, a.VarBinds...) // those of the rule have the values of the raise
	} else {
		a.VarBinds = append(a.VarBinds, found...)
	}
	if v, ok := d.tables.Variable(a.Metric, r.Sample); ok {
		e.describe(d, &a, &v)
	}
	return a
}

// oidOf returns the OID that a sample of a rule came from, as templates have it; "" if it is not known.
func (e *Evaluator) oidOf(d *device, rule *Rule, sample labels.Labels) string {
	if d.target == nil {
		if d = e.device(sample.Get(poller.TargetLabel)); d == nil {
			return ""
		}
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	metric, _ := expression.Condition(rule.Expr)
	if v, ok := d.tables.Variable(metric, sample); ok {
		return v.OID().String()
	}
	return ""
}

// describe names the instance that an alarm is about, unless the rule does. A measure comes with the value that the device
// has for its object.
func (e *Evaluator) describe(d *device, a *alarm.Alarm, v *tables.Variable) {
	name := v.OID().String()
	a.Variable = cmp.Or(a.Variable, name)
	if a.Variable != name || !v.Of.Desc.Computed {
		return
	}
	if text, ok := d.tables.Raw(v); ok {
		a.VarBinds = append(a.VarBinds, alarm.Binding{Name: name, Value: text})
	}
}

// found returns the values that the last poll has of the OBJECTS of an alarm's notifications.
func (e *Evaluator) found(d *device, a *alarm.Alarm, r *record) (list []alarm.Binding) {
	for _, object := range e.objectsOf(a) {
		if c, row := d.tables.Object(object, r.Sample); c != nil && c.Table.Index(row) != nil {
			if text, ok := tables.TextIn(c, row); ok {
				list = append(list, alarm.Binding{Name: tables.Instance(object, c.Table.Index(row)).String(), Value: text})
			}
		}
	}
	return list
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
