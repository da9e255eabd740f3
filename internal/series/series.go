// Package series holds what a pass over a target yielded as tables of labels and columns of values,
// and writes it in the formats that Prometheus reads. Where the values come from is its callers'
// business.
package series

// Type is the type of a metric as Prometheus knows it.
type Type byte

// The types that polled series have.
const (
	Gauge Type = iota
	Counter
)

// Desc describes the series of one name.
type Desc struct {
	Name string // UTF-8; escaped on output where the format wants it
	Help string
	Type Type

	Object []byte // of which the values are, an snmp.OID; nil if of none

	// Values are those of the object times Scale, if that is not 0, plus Offset. Derived ones say something else of it.
	Scale, Offset float64
	Derived       bool
}

// Table holds the labels of rows, rendered once: `a="x",b="y"`, values escaped.
type Table struct {
	Labels []byte
	Ends   []uint32 // of each row in Labels

	// The index of each row, as the end of an snmp.OID, where the pass was told to keep them.
	Indexes   []byte
	IndexEnds []uint32
}

// AddRow ends the row whose labels were appended to Labels since the last call.
func (t *Table) AddRow() { t.Ends = append(t.Ends, uint32(len(t.Labels))) }

// Row gives the rendered labels of row i.
func (t *Table) Row(i int) []byte { return span(t.Labels, t.Ends, i) }

// Index gives the index of row i, or nil where it was not kept.
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

// Column holds the samples of one metric in the rows of one table.
type Column struct {
	Desc   *Desc
	Table  *Table
	Values []float64
	Rows   []int32 // the row of each value; nil means that value i stands in row i

	// One label more than the row has, for each value; Extra is empty where there is none.
	Extra     []byte
	ExtraEnds []uint32
}

// Len is the number of samples.
func (c *Column) Len() int { return len(c.Values) }

// RowOf gives the row of sample i.
func (c *Column) RowOf(i int) int {
	if c.Rows == nil {
		return i
	}
	return int(c.Rows[i])
}

// ExtraOf gives the rendered extra label of sample i, or nil.
func (c *Column) ExtraOf(i int) []byte {
	if c.ExtraEnds == nil {
		return nil
	}
	return span(c.Extra, c.ExtraEnds, i)
}

// Set is what one module yielded. Its columns are sorted by the names of their metrics.
type Set struct {
	Columns []Column
}

// Len is the number of samples.
func (s *Set) Len() int {
	n := 0
	for i := range s.Columns {
		n += s.Columns[i].Len()
	}
	return n
}

// Group is what one target yielded, with the labels that tell it from others.
type Group struct {
	Labels []byte // rendered as in Table; may be empty
	Sets   []*Set
}
