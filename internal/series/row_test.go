package series

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Replacing the samples of a row leaves those of all others, in their order.
func TestReplacedRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		rows, extras := 1+r.IntN(5), r.IntN(2) == 0
		table := &Table{}
		for i := range rows {
			table.Labels = AppendLabel(table.Labels, len(table.Labels), "row", []byte(fmt.Sprint(i)))
			table.AddRow()
			table.Indexes = append(table.Indexes, byte(i))
			table.IndexEnds = append(table.IndexEnds, uint32(i+1))
		}
		column := func(row int) (c Column) {
			c = Column{Table: table}
			for i := range rows {
				for j := range r.IntN(3) {
					if row >= 0 && i != row {
						continue
					}
					one := Column{Values: []float64{r.Float64()}}
					if extras {
						one.Extra, one.ExtraEnds = []byte{byte('a' + j)}, []uint32{1}
					}
					c.add(&one, 0, i)
				}
			}
			return c
		}
		row := r.IntN(rows)
		before, by := column(-1), column(row)
		by = by.InRow(row, table, row)
		after := before.Replaced(row, &by)
		text := func(c *Column, of func(int) bool) (s string) {
			for i, v := range c.Values {
				if of(c.RowOf(i)) {
					s += fmt.Sprint(c.RowOf(i), v, string(c.ExtraOf(i)), " ")
				}
			}
			return s
		}
		is, others := func(i int) bool { return i == row }, func(i int) bool { return i != row }
		if text(&after, is) != text(&by, is) || text(&after, others) != text(&before, others) {
			t.Fatalf("row %d of %+v by %+v is %+v", row, before, by, after)
		}
		if table.RowWith([]byte{byte(row)}) != row || table.RowWith([]byte{99}) != -1 {
			t.Fatal("a row is not found by its index")
		}
	}
}
