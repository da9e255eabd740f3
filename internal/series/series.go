// Package series stores the result of polling a target as tables of labels and columns of values,
// and writes it in the formats of Prometheus. It is independent of the source of the values.
package series

import (
	"slices"
	"time"
)

// Type is the Prometheus type of a metric.
type Type byte

// The types of polled series.
const (
	Gauge Type = iota
	Counter
)

// Desc describes the series of one metric name.
type Desc struct {
	Name string // UTF-8; escaped on output as the format requires
	Help string
	Type Type

	Object []byte // snmp.OID of the values' object, or nil
	// Qualifier is a rendered label that sets series of Object apart from those of other objects with equal labels;
	// empty where such series are an error.
	Qualifier string

	// A value is that of the object times Scale, if Scale is not 0, plus Offset. Derived values are
	// unrelated.
	Scale, Offset float64
	Derived       bool

	// Computed reports that the value was computed of values that the pass holds: that of Object, and perhaps others.
	Computed bool
}

// Table holds the labels of rows in rendered form: `a="x",b="y"`, values escaped.
type Table struct {
	Labels []byte
	Ends   []uint32 // end of each row in Labels

	// The index of each row, the last arcs of an snmp.OID, if the poll keeps indexes.
	Indexes   []byte
	IndexEnds []uint32
}

// AddRow ends the row whose labels were appended to Labels since the previous call.
func (t *Table) AddRow() { t.Ends = append(t.Ends, uint32(len(t.Labels))) }

// usualRow is the most octets of labels that rows are expected to have.
const usualRow = 256

// Reserve grows Labels for that many rows, as long as the one in it or of usual length: a device may have one row with
// long labels, and many without.
func (t *Table) Reserve(rows int) {
	t.Labels = slices.Grow(t.Labels, min(len(t.Labels), usualRow)*rows*9/8)
}

// Row returns the rendered labels of row i.
func (t *Table) Row(i int) []byte { return span(t.Labels, t.Ends, i) }

// Index returns the index of row i, or nil if indexes are not kept.
func (t *Table) Index(i int) []byte {
	if t.IndexEnds == nil {
		return nil
	}
	return span(t.Indexes, t.IndexEnds, i)
}

func span(text []byte, ends []uint32, i int) []byte {
	if i == 0 {
		return text[:ends[0]]
	}
	return text[ends[i-1]:ends[i]]
}

// Column holds the samples of one metric in the rows of a table.
type Column struct {
	Desc   *Desc
	Table  *Table
	Values []float64
	Rows   []int32 // row of each value; if nil, value i is in row i

	// One extra label per value; empty if there is none.
	Extra     []byte
	ExtraEnds []uint32

	Carried *Carried // nil if the values were read in this poll
}

// Carried says when values were read that no poll has read since.
type Carried struct {
	Read  time.Time
	Every time.Duration // how often they are to be read
	Due   time.Time     // when they are read next
}

// Len returns the number of samples.
func (c *Column) Len() int { return len(c.Values) }

// RowOf returns the row of sample i.
func (c *Column) RowOf(i int) int {
	if c.Rows == nil {
		return i
	}
	return int(c.Rows[i])
}

// ExtraOf returns the rendered extra label of sample i, or nil.
func (c *Column) ExtraOf(i int) []byte {
	if c.ExtraEnds == nil {
		return nil
	}
	return span(c.Extra, c.ExtraEnds, i)
}

// Set is the result of one module. Its columns are sorted by metric name.
type Set struct {
	Columns []Column
}

// Len returns the number of samples.
func (s *Set) Len() int {
	n := 0
	for i := range s.Columns {
		n += s.Columns[i].Len()
	}
	return n
}

// Group is the result of one target, with the target's labels.
type Group struct {
	Labels []byte // rendered as in Table; may be empty
	Sets   []*Set
}
