// Package tables finds the rows that alerts are about in the tables of a poll, and the values that these have.
package tables

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Tables finds the rows of alerts in a poll. They are not safe for concurrent use.
type Tables struct {
	Sets  []*series.Set
	index map[*series.Table]*rowIndex // made as rows are looked for
	rows  map[*series.Table]map[string]int
}

// rowIndex finds the rows of a table by their labels.
type rowIndex struct {
	names []string // of the labels that rows have
	rows  map[uint64]int
}

// column returns the column of that name that has a row with those labels, which may have others too, and the number of
// the row.
func (t *Tables) column(name string, of labels.Labels) (*series.Column, int) {
	return t.find(of, func(c *series.Column) bool { return c.Desc.Name == name })
}

// Object returns the column of an object, and the number of the row in it.
func (t *Tables) Object(object snmp.OID, of labels.Labels) (*series.Column, int) {
	return t.find(of, func(c *series.Column) bool { return slices.Equal(c.Desc.Object, object) && !c.Desc.Computed })
}

func (t *Tables) find(of labels.Labels, is func(*series.Column) bool) (*series.Column, int) {
	for c := range t.columns {
		if is(c) {
			if row, ok := t.row(c.Table, of); ok && has(c, row) {
				return c, row
			}
		}
	}
	return nil, 0
}

// columns yields the columns of all modules.
func (t *Tables) columns(yield func(*series.Column) bool) {
	for _, set := range t.Sets {
		for i := range set.Columns {
			if !yield(&set.Columns[i]) {
				return
			}
		}
	}
}

// has reports whether a column has a value in a row: the objects of a measure share a table.
func has(c *series.Column, row int) bool {
	return !c.Desc.Computed || c.Rows == nil && row < len(c.Values) || slices.Contains(c.Rows, int32(row))
}

func (t *Tables) row(table *series.Table, of labels.Labels) (int, bool) {
	x := t.index[table]
	if x == nil {
		x = newRowIndex(table)
		if t.index == nil {
			t.index = map[*series.Table]*rowIndex{}
		}
		t.index[table] = x
	}
	row, ok := x.rows[of.MatchLabels(true, x.names...).Hash()]
	return row, ok
}

// Lacks reports whether a poll has no row of a metric with those labels, as far as these distinguish rows.
func (t *Tables) Lacks(name string, of labels.Labels) bool {
	for c := range t.columns {
		if c.Desc.Name == name {
			_, there := t.row(c.Table, of)
			if there || of.MatchLabels(true, t.index[c.Table].names...).Len() < len(t.index[c.Table].names) {
				return false
			}
		}
	}
	return true
}

func newRowIndex(table *series.Table) *rowIndex {
	x := &rowIndex{rows: make(map[uint64]int, len(table.Ends))}
	var b labels.ScratchBuilder
	for i := range table.Ends {
		b.Reset()
		for name, value := range series.Labels(table.Row(i)) {
			if value != "" {
				b.Add(name, value)
			}
			if i == 0 {
				x.names = append(x.names, name)
			}
		}
		b.Sort()
		x.rows[b.Labels().Hash()] = i
	}
	slices.Sort(x.names) // as MatchLabels wants them
	return x
}

// TextIn returns the value of a column's object in a row: the number before scaling, or the text of a label that
// represents it.
func TextIn(c *series.Column, row int) (string, bool) {
	for i, v := range c.Values {
		if c.RowOf(i) != row {
			continue
		}
		if c.ExtraEnds == nil {
			raw, ok := unscaled(c.Desc, v)
			if !ok {
				return "", false
			}
			return strconv.FormatFloat(raw, 'f', -1, 64), true
		}
		for _, text := range series.Labels(c.ExtraOf(i)) {
			if v != 0 {
				return text, true
			}
		}
	}
	return "", false
}

// unscaled returns the number before scaling. Scaled objects are nearly always integers; other numbers cannot be
// restored to the last digit.
func unscaled(d *series.Desc, v float64) (raw float64, ok bool) {
	scale := cmp.Or(d.Scale, 1)
	if scale == 1 && d.Offset == 0 {
		return v, !d.Derived
	}
	raw = math.Round((v-d.Offset)/scale) + 0 // never -0
	of := func(raw float64) float64 { return float64(raw*scale) + d.Offset }
	return raw, !d.Derived && of(raw) == v && of(raw-1) != v && of(raw+1) != v
}

// Variable is the instance that a series came from.
type Variable struct {
	Of    *series.Column
	index []byte
}

// OID returns the OID of the instance.
func (v *Variable) OID() snmp.OID { return Instance(v.Of.Desc.Object, v.index) }

// Variable returns where a metric has the sample with those labels from. Without a poll, or for a metric that is no
// object's, ok is false.
func (t *Tables) Variable(metric string, sample labels.Labels) (v Variable, ok bool) {
	if t == nil {
		return v, false
	}
	c, row := t.column(metric, sample)
	if c == nil {
		c, row = t.named(metric, sample)
	}
	if c != nil {
		v = Variable{c, c.Table.Index(row)}
	}
	return v, len(v.index) > 0 && len(c.Desc.Object) > 0
}

// Instance returns the OID of an instance of an object.
func Instance(object snmp.OID, index []byte) snmp.OID {
	return append(append(snmp.OID{}, object...), index...)
}

// nameLabel is the name of a part, which a device may report under several objects.
const nameLabel = "hw_name"

// named returns the first row of a measure that agrees with those labels, the name of the part among them: aggregates
// such as max by (target, hw_name) lack other labels.
func (t *Tables) named(metric string, of labels.Labels) (*series.Column, int) {
	if of.Get(nameLabel) == "" {
		return nil, 0
	}
	for c := range t.columns {
		if c.Desc.Name != metric || !c.Desc.Computed {
			continue
		}
		for j := range c.Values {
			if row := c.RowOf(j); agrees(c.Table.Row(row), of) {
				return c, row
			}
		}
	}
	return nil, 0
}

// agrees reports whether a row has the part's name that labels have, and no other value of any label.
func agrees(row []byte, of labels.Labels) bool {
	named := false
	for name, value := range series.Labels(row) {
		if want := of.Get(name); want != "" && want != value {
			return false
		}
		named = named || name == nameLabel && value == of.Get(nameLabel)
	}
	return named
}

// Raw returns the value of a measure's own object, as the poll has it.
func (t *Tables) Raw(v *Variable) (text string, ok bool) {
	for c := range t.columns {
		if c.Desc.Computed || !slices.Equal(c.Desc.Object, v.Of.Desc.Object) {
			continue
		}
		if row, there := t.byIndex(c.Table)[string(v.index)]; there && !ok {
			text, ok = TextIn(c, row)
		}
	}
	return text, ok
}

// byIndex returns the rows of a table by their indexes.
func (t *Tables) byIndex(table *series.Table) map[string]int {
	if t.rows == nil {
		t.rows = map[*series.Table]map[string]int{}
	}
	if t.rows[table] == nil {
		t.rows[table] = make(map[string]int, len(table.IndexEnds))
		for i := range table.IndexEnds {
			t.rows[table][string(table.Index(i))] = i
		}
	}
	return t.rows[table]
}
