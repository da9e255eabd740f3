package series

import (
	"bytes"
	"slices"
)

// RowWith returns the row of the table with an index, or -1.
func (t *Table) RowWith(index []byte) int {
	for i := range t.IndexEnds {
		if bytes.Equal(t.Index(i), index) {
			return i
		}
	}
	return -1
}

// InRow returns a column with the samples that c has in one row, as those of row to of a table.
func (c *Column) InRow(row int, table *Table, to int) Column {
	only := Column{Desc: c.Desc, Table: table}
	for i := range c.Values {
		if c.RowOf(i) == row {
			only.add(c, i, to)
		}
	}
	return only
}

// add adds sample i of another column, as one of a row.
func (c *Column) add(from *Column, i, row int) {
	c.Values, c.Rows = append(c.Values, from.Values[i]), append(c.Rows, int32(row))
	if from.ExtraEnds != nil {
		c.Extra = append(c.Extra, from.ExtraOf(i)...)
		c.ExtraEnds = append(c.ExtraEnds, uint32(len(c.Extra)))
	}
}

// Replaced returns a copy of c in which the samples of a row are those of another column.
func (c *Column) Replaced(row int, by *Column) Column {
	same, had := 0, 0
	for i := range c.Values {
		if c.RowOf(i) == row {
			had++
		}
		if c.RowOf(i) == row && same < len(by.Values) && bytes.Equal(c.ExtraOf(i), by.ExtraOf(same)) {
			same++
		}
	}
	if next := *c; same == len(by.Values) && same == had {
		next.Values = slices.Clone(c.Values)
		for i, n := 0, 0; i < len(c.Values) && n < same; i++ {
			if c.RowOf(i) == row && bytes.Equal(c.ExtraOf(i), by.ExtraOf(n)) {
				next.Values[i] = by.Values[n]
				n++
			}
		}
		return next
	}
	next, placed := Column{Desc: c.Desc, Table: c.Table}, false
	place := func() {
		for j := range by.Values {
			next.add(by, j, row)
		}
		placed = true
	}
	for i := range c.Values {
		if !placed && c.RowOf(i) >= row {
			place()
		}
		if c.RowOf(i) != row {
			next.add(c, i, c.RowOf(i))
		}
	}
	if !placed {
		place()
	}
	return next
}
