package fleet

import (
	"strconv"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// grid holds the samples of an SNMP table, by row and column.
type grid struct {
	keys    []string       // labels of each row, as they are rendered
	rows    map[string]int // by rowKey
	columns []*gridColumn
}

// gridColumn is a column of a grid. A row without a sample has neither text nor a number.
type gridColumn struct {
	desc    *series.Desc
	texts   []string // nil where they are the numbers: of a large table few are shown
	numbers []float64
	has     []bool
}

// entryOf is the object above a column: the entry of its table, or the group of a scalar.
func entryOf(object []byte) string {
	return string(snmp.OID(object).Parent())
}

// newGrid takes the columns of a poll that are wanted.
func newGrid(p *poller.Pass, wanted func(*series.Desc) bool) *grid {
	g := &grid{rows: map[string]int{}}
	numbers := map[*series.Table][]int{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Desc.Object != nil && !c.Desc.Computed && wanted(c.Desc) {
				if numbers[c.Table] == nil {
					numbers[c.Table] = g.number(c.Table)
				}
				g.add(c, numbers[c.Table])
			}
		}
	}
	for _, c := range g.columns {
		c.grow(len(g.keys))
	}
	return g
}

// number returns the numbers of the rows of a table.
func (g *grid) number(t *series.Table) []int {
	numbers := make([]int, len(t.Ends))
	for i := range numbers {
		numbers[i] = g.row(t, i)
	}
	return numbers
}

// add adds a column, whose rows have those numbers.
func (g *grid) add(c *series.Column, numbers []int) {
	column := &gridColumn{desc: c.Desc}
	g.columns = append(g.columns, column)
	column.grow(len(g.keys))
	if len(c.Extra) > 0 {
		column.texts = make([]string, len(g.keys))
	}
	for i, v := range c.Values {
		row := numbers[c.RowOf(i)]
		if extra := c.ExtraOf(i); extra == nil {
			column.set(row, v)
		} else if v != 0 {
			for _, text := range series.Labels(extra) {
				column.set(row, v)
				column.texts[row] = text
			}
		}
	}
}

// rowKey is equal for the rows of tables that are the same of the device: their index, or their labels where no
// indexes are kept.
func rowKey(t *series.Table, i int) string {
	if t.IndexEnds != nil {
		return string(t.Index(i))
	}
	return string(t.Row(i))
}

// row returns the number of a row. Of its labels those count of the table that has the most.
func (g *grid) row(t *series.Table, i int) int {
	key, labels := rowKey(t, i), string(t.Row(i))
	n, ok := g.rows[key]
	if !ok {
		n = len(g.keys)
		g.keys = append(g.keys, labels)
		g.rows[key] = n
	}
	if len(labels) > len(g.keys[n]) {
		g.keys[n] = labels
	}
	return n
}

func (c *gridColumn) grow(rows int) {
	more := max(0, rows-len(c.has))
	c.numbers, c.has = append(c.numbers, make([]float64, more)...), append(c.has, make([]bool, more)...)
}

func (c *gridColumn) set(row int, v float64) { c.numbers[row], c.has[row] = v, true }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// column is the first one of an object; nil if there is none.
func (g *grid) column(object snmp.OID) *gridColumn {
	for _, c := range g.columns {
		if string(c.desc.Object) == string(object) {
			return c
		}
	}
	return nil
}

// text is the text in a row; "" where there is none. The column may be nil.
func (c *gridColumn) text(row int) string {
	switch {
	case c == nil || !c.has[row]:
		return ""
	case c.texts != nil:
		return c.texts[row]
	}
	return decimal(c.numbers[row])
}

// number is the number in a row. The column may be nil.
func (c *gridColumn) number(row int) (v float64, ok bool) {
	if c == nil || !c.has[row] {
		return 0, false
	}
	return c.numbers[row], true
}

// labels are those of a row.
func (g *grid) labels(row int) map[string]string {
	labels := map[string]string{}
	for name, value := range series.Labels([]byte(g.keys[row])) {
		labels[name] = value
	}
	return labels
}
