package rules

import (
	"cmp"

	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// alarmOf makes an alarm of an alert. What is wrong with its annotations costs it those, and no more.
func (e *Evaluator) alarmOf(d *device, b *bound, r *record) notify.Alarm {
	a, err := notify.AlarmOf(e.deployment, r.Labels.Map(), r.Annotations.Map())
	if err != nil {
		e.logger.Warn("annotations of an alert are left out", "rule", b.rule.UID, "err", err)
	}
	a.ID, a.RaisedAt = r.ID, e.wall(r.FiredAt)
	a.Value = cmp.Or(a.Value, r.Value.String())
	metric, condition := condition(b.rule.Expr)
	a.Metric, a.Condition = metric, condition
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
	for _, object := range e.objectsOf(&a) {
		if c, row := d.tables.object(object, r.Sample); c != nil && c.Table.Index(row) != nil {
			if text, ok := textIn(c, row); ok {
				a.VarBinds = append(a.VarBinds, notify.Binding{Name: instance(object, c.Table.Index(row)).String(), Value: text})
			}
		}
	}
	if c, row := d.tables.column(metric, r.Sample); c != nil && a.Variable == "" && c.Table.Index(row) != nil {
		a.Variable = instance(c.Desc.Object, c.Table.Index(row)).String()
	}
	return a
}

func (e *Evaluator) alarmID(b *bound, r *record) string {
	return notify.AlarmID(e.deployment, b.rule.UID, r.Labels.Get(poller.TargetLabel), r.Labels.Map())
}

func instance(object snmp.OID, index []byte) snmp.OID {
	return append(append(snmp.OID{}, object...), index...)
}

// mostCondition bounds what is said of a condition.
const mostCondition = 64

// condition gives the metric that an expression looks at first, and what it is compared with.
func condition(e parser.Expr) (metric, text string) {
	c := comparison(e)
	if c == nil {
		if list := selectors(e); len(list) > 0 {
			metric = nameOf(list[0])
		}
		return metric, ""
	}
	if list := selectors(c.LHS); len(list) > 0 {
		metric = nameOf(list[0])
	} else if list := selectors(c.RHS); len(list) > 0 {
		metric = nameOf(list[0])
	}
	if text = c.Op.String() + " " + c.RHS.String(); len(text) > mostCondition {
		text = c.Op.String() + " ..."
	}
	return metric, text
}

// comparison is the first comparison in an expression, from the outside.
func comparison(e parser.Expr) *parser.BinaryExpr {
	if b, ok := e.(*parser.BinaryExpr); ok && b.Op.IsComparisonOperator() {
		return b
	}
	for below := range parser.ChildrenIter(e) {
		if expr, ok := below.(parser.Expr); ok {
			if b := comparison(expr); b != nil {
				return b
			}
		}
	}
	return nil
}
