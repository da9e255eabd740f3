package history

import (
	"bytes"
	"math"
	"slices"

	"trapline/internal/series"
)

// sameRows reports whether two tables have the same rows in the same order: by their indexes where these are kept,
// else by their labels.
func sameRows(a, b *series.Table) bool {
	switch {
	case a == b:
		return true
	case a == nil || b == nil || len(a.Ends) != len(b.Ends):
		return false
	case indexed(a) && indexed(b):
		return bytes.Equal(a.Indexes, b.Indexes) && slices.Equal(a.IndexEnds, b.IndexEnds)
	}
	return sameLabels(a, b)
}

func indexed(t *series.Table) bool { return len(t.IndexEnds) == len(t.Ends) && t.IndexEnds != nil }

// rowsIn returns, for each row of a table, its number in another one, -1 if that has none; if same, all numbers are
// equal, and to is nil.
func rowsIn(table, of *series.Table) (to []int32, same bool) {
	if of == nil || sameRows(table, of) {
		return nil, true
	}
	key := (*series.Table).Row
	if indexed(table) && indexed(of) {
		key = (*series.Table).Index
	}
	numbers := make(map[string]int32, len(table.Ends))
	for i := range table.Ends {
		numbers[string(key(table, i))] = int32(i)
	}
	to = make([]int32, len(of.Ends))
	for i := range of.Ends {
		n, ok := numbers[string(key(of, i))]
		if !ok {
			n = -1
		}
		to[i] = n
	}
	return to, false
}

// aligned returns the value that each sample of c had in b, NaN if it had none: a row with other labels is another
// series.
func aligned(b, c *series.Column, known *comparison) []float64 {
	if known.sameSeries(b.Table, c.Table) && len(b.Values) == len(c.Values) && slices.Equal(b.Rows, c.Rows) && (b.Rows == nil) == (c.Rows == nil) {
		return b.Values
	}
	to, same := rowsIn(c.Table, b.Table)
	byRow := make([]float64, len(c.Table.Ends))
	for i := range byRow {
		byRow[i] = math.NaN()
	}
	for i, v := range b.Values {
		old := b.RowOf(i)
		row := old
		if !same {
			row = int(to[old])
		}
		if row >= 0 && bytes.Equal(b.Table.Row(old), c.Table.Row(row)) {
			byRow[row] = v
		}
	}
	values := make([]float64, len(c.Values))
	for i := range values {
		values[i] = byRow[c.RowOf(i)]
	}
	return values
}

// comparison is the result of the last comparison of two tables: most columns of a poll have the tables of the column
// before.
type comparison struct {
	a, b *series.Table
	same bool
}

// sameSeries reports whether two tables have the same rows with the same labels.
func (k *comparison) sameSeries(a, b *series.Table) bool {
	if k.a != a || k.b != b {
		*k = comparison{a, b, sameRows(a, b) && sameLabels(a, b)}
	}
	return k.same
}

func sameLabels(a, b *series.Table) bool {
	return a == b || bytes.Equal(a.Labels, b.Labels) && slices.Equal(a.Ends, b.Ends)
}
