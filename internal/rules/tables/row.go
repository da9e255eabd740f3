package tables

import (
	"cmp"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/alarm"
	"trapline/internal/snmp"
)

// Wanted says of which row an alarm is.
type Wanted struct {
	Target  string        `json:"target"`
	Metric  string        `json:"metric"`
	Sample  labels.Labels `json:"sample"`
	Objects []snmp.OID    `json:"objects,omitempty"` // the OBJECTS of its notification
}

// Row is what a poll has of the row of an alarm.
type Row struct {
	Objects  []alarm.Binding `json:"objects,omitempty"`  // their values
	Variable string          `json:"variable,omitempty"` // the OID of the instance that its metric came from; "" if that is not known
	Raw      *string         `json:"raw,omitempty"`      // of a measure: the value that the device has for its object
}

// Row returns what a poll has of a row. t may be nil: there was no poll.
func (t *Tables) Row(w *Wanted) (r Row) {
	if t == nil {
		return r
	}
	for _, object := range w.Objects {
		if c, row := t.Object(object, w.Sample); c != nil && c.Table.Index(row) != nil {
			if text, ok := TextIn(c, row); ok {
				r.Objects = append(r.Objects, alarm.Binding{Name: Instance(object, c.Table.Index(row)).String(), Value: text})
			}
		}
	}
	v, ok := t.Variable(w.Metric, w.Sample)
	if !ok {
		return r
	}
	r.Variable = v.OID().String()
	if v.Of.Desc.Computed {
		if text, ok := t.Raw(&v); ok {
			r.Raw = &text
		}
	}
	return r
}

// Describe adds the values of a row to an alarm, which is over or not, and names the instance unless its rule does.
func (r *Row) Describe(a *alarm.Alarm, over bool) {
	if over {
		a.VarBinds = append(r.Objects, a.VarBinds...) // those of the rule have the values of the raise
	} else {
		a.VarBinds = append(a.VarBinds, r.Objects...)
	}
	if a.Variable = cmp.Or(a.Variable, r.Variable); a.Variable == r.Variable && r.Raw != nil {
		a.VarBinds = append(a.VarBinds, alarm.Binding{Name: r.Variable, Value: *r.Raw})
	}
}
