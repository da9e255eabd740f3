package series

// Merger merges groups with few samples per column into one group, which takes less memory. Samples
// with the same Desc pointer share a column.
type Merger struct {
	table   Table
	columns []Column
	index   map[*Desc]int
}

// Add copies the samples of g, which the caller may then reuse.
func (m *Merger) Add(g Group) {
	own := int32(-1) // the row with only the labels of g
	for _, s := range g.Sets {
		for i := range s.Columns {
			c := &s.Columns[i]
			for j, v := range c.Values {
				row, extra := c.Table.Row(c.RowOf(j)), c.ExtraOf(j)
				if own >= 0 && len(row)+len(extra) == 0 {
					m.add(c.Desc, own, v)
					continue
				}
				m.add(c.Desc, m.row(g.Labels, row, extra), v)
				if len(row)+len(extra) == 0 {
					own = int32(len(m.table.Ends) - 1)
				}
			}
		}
	}
}

// row adds a row to the table.
func (m *Merger) row(parts ...[]byte) int32 {
	start := len(m.table.Labels)
	for _, pairs := range parts {
		if len(pairs) > 0 {
			m.table.Labels = appendPairs(m.table.Labels, pairs, len(m.table.Labels) > start)
		}
	}
	m.table.AddRow()
	return int32(len(m.table.Ends) - 1)
}

func (m *Merger) add(d *Desc, row int32, v float64) {
	at, ok := m.index[d]
	if !ok {
		if m.index == nil {
			m.index = map[*Desc]int{}
		}
		at = len(m.columns)
		m.index[d] = at
		m.columns = append(m.columns, Column{Desc: d, Table: &m.table})
	}
	c := &m.columns[at]
	c.Values, c.Rows = append(c.Values, v), append(c.Rows, row)
}

// Group returns the merged group.
func (m *Merger) Group() Group { return Group{Sets: []*Set{{Columns: m.columns}}} }
