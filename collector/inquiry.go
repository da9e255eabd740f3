package collector

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Column describes a column of a module, to explain why a series is absent.
type Column struct {
	Module  *Module
	Desc    *series.Desc
	Labels  []string
	Lookups []ColumnLookup
	Filters []Filter // that decide over its rows
	Asked   bool     // walk or get of the module has it
	Hidden  bool     // it never has a value, as it lies below another metric

	number int
}

// ColumnLookup is a label whose value is that of another object.
type ColumnLookup struct {
	Label  string
	Object snmp.OID
}

// ColumnsOf returns the columns of a metric or, if metric is empty, those of an object and of the objects below it.
func (m *Module) ColumnsOf(metric string, object snmp.OID) (list []Column) {
	for i := range m.columns {
		c := &m.columns[i]
		if metric != "" && c.desc.Name != metric || metric == "" && !c.oid.HasPrefix(object) {
			continue
		}
		list = append(list, m.column(i))
	}
	return list
}

func (m *Module) column(i int) Column {
	c := &m.columns[i]
	r := m.tables[c.table]
	out := Column{Module: m, Desc: &c.desc, Labels: r.names(), Asked: m.asks(c.oid), number: i}
	if c.label != "" {
		out.Labels = append(out.Labels, c.label)
	}
	for _, l := range r.lookups {
		out.Lookups = append(out.Lookups, ColumnLookup{r.slots[l.slot], m.keptObject(l.kept)})
	}
	for _, f := range m.filters {
		if f.Narrows(c.oid) {
			out.Filters = append(out.Filters, f)
		}
	}
	out.Hidden = c.deferred == nil && !slices.ContainsFunc(m.objects, func(o object) bool { return slices.Contains(o.columns, i) })
	return out
}

// Answer is the answer of a device for a column.
type Answer struct {
	Rows   []AnswerRow
	Errors []*access.Error
	Stats  client.Stats
}

// AnswerRow is an instance that a device has answered with.
type AnswerRow struct {
	Index   snmp.OID
	Labels  []byte // rendered as in series.Table
	Type    snmp.Type
	Value   []byte // its beginning
	Fits    bool   // a sample was made of it
	Filter  *Filter
	Decided string   // the value by which Filter drops it
	Missing []string // labels that are empty, as the object that they look up has no such row
}

// maxAnswer is how many variable bindings an Answer looks at.
const maxAnswer = 50_000

var errTooMany = errors.New("too many rows to look at")

// Ask asks a device for a column, the objects that its labels look up, and the objects of its filters, in one poll. It
// returns the rows with their samples, labels and filters.
func (c *Column) Ask(ctx context.Context, s Session, o Options) Answer {
	m := c.Module
	o.KeepIndexes = true
	conversion := m.conversion(o)
	conversion.room = roomFactor * client.DefaultMaxBytes
	plan := client.Plan{Walk: c.objects(), Params: o.params(m)}
	in := inquiry{column: c, decided: make([]map[string]string, len(c.Filters))}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	arrived := 0
	stats, err := s.Poll(ctx, &plan, func(v snmp.VarBind) {
		if arrived++; arrived > maxAnswer {
			cancel(errTooMany)
			return
		}
		conversion.add(v)
		in.add(v)
	})
	errs := access.Errors(err)
	if arrived > maxAnswer {
		errs = nil // the rows that arrived are enough
	}
	return Answer{Rows: in.rows(conversion, errs), Errors: errs, Stats: stats}
}

// objects returns the objects that Ask walks.
func (c *Column) objects() []snmp.OID {
	m := c.Module
	list := []snmp.OID{c.Desc.Object}
	r := m.tables[m.columns[c.number].table]
	for _, l := range r.lookups {
		list = append(list, m.keptObject(l.kept))
		if l.subtypes != nil {
			list = append(list, m.keptObject(l.subtypes.kept))
		}
	}
	if d := m.columns[c.number].deferred; d != nil {
		list = append(list, m.keptObject(d.subtypes.kept))
	}
	for i := range c.Filters {
		list = append(list, c.Filters[i].Object)
	}
	return minimal(client.Plan{Walk: list}).Walk
}

// inquiry collects the variable bindings of an Answer.
type inquiry struct {
	column  *Column
	arrived []AnswerRow
	decided []map[string]string // of each filter, the value of the object that decides by index
}

func (in *inquiry) add(v snmp.VarBind) {
	if !v.Type.HasValue() {
		return
	}
	if object := snmp.OID(in.column.Desc.Object); v.Name.HasPrefix(object) {
		in.arrived = append(in.arrived, AnswerRow{Index: bytes.Clone(v.Name[len(object):]), Type: v.Type, Value: noted(v.Value)})
	}
	for i := range in.column.Filters {
		f := &in.column.Filters[i]
		if !v.Name.HasPrefix(f.Object) {
			continue
		}
		if in.decided[i] == nil {
			in.decided[i] = map[string]string{}
		}
		in.decided[i][string(v.Name[len(f.Object):])] = string(filtered(nil, v))
	}
}

// rows returns the rows that arrived, each with its labels, whether it has a sample, and the filter that drops it.
func (in *inquiry) rows(c *conversion, errs []*access.Error) []AnswerRow {
	set := c.finish(errs)
	writer := newLabelWriter(c.module.tables[c.module.columns[in.column.number].table], c.lists)
	fits := map[string]bool{}
	for i := range set.Columns {
		col := &set.Columns[i]
		if col.Desc != in.column.Desc {
			continue
		}
		for j := range col.Values {
			fits[string(col.Table.Index(col.RowOf(j)))] = true
		}
	}
	for i := range in.arrived {
		row := &in.arrived[i]
		row.Fits = fits[string(row.Index)]
		row.Labels = writer.appendRow(nil, row.Index)
		for name, value := range series.Labels(row.Labels) {
			if value == "" && slices.ContainsFunc(in.column.Lookups, func(l ColumnLookup) bool { return series.LabelName(l.Label) == name }) {
				row.Missing = append(row.Missing, name)
			}
		}
		in.filter(row)
	}
	return in.arrived
}

// filter notes the first filter that drops a row. One whose object did not arrive at all drops none.
func (in *inquiry) filter(row *AnswerRow) {
	for i := range in.column.Filters {
		f := &in.column.Filters[i]
		if in.decided[i] == nil {
			continue
		}
		if value, known := in.decided[i][string(row.Index)]; !known || !f.wanted([]byte(value)) {
			row.Filter, row.Decided = f, value
			return
		}
	}
}
