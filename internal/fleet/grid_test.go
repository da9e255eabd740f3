package fleet

import (
	"fmt"
	"testing"

	"trapline/internal/poller"
	"trapline/internal/series"
)

// wide is a poll of a table of so many rows.
func wide(rows, columns int) *poller.Pass {
	table := &series.Table{}
	for i := range rows {
		table.Labels = fmt.Appendf(table.Labels, `ifIndex="%d"`, i)
		table.Ends = append(table.Ends, uint32(len(table.Labels)))
	}
	set := &series.Set{}
	for n := range columns {
		c := series.Column{Desc: &series.Desc{Name: fmt.Sprint("c", n), Object: column(ifEntry, uint32(n+1))}, Table: table}
		for i := range rows {
			c.Values = append(c.Values, float64(i)*1e6+0.5)
		}
		set.Columns = append(set.Columns, c)
	}
	return &poller.Pass{Sets: []*series.Set{set}}
}

// A page shows few rows of a table, however many the device has: nothing is written of the others.
func TestTextsAreMadeOfRowsThatAreShown(t *testing.T) {
	const rows, columns = 2000, 10
	p := wide(rows, columns)
	allocations := testing.AllocsPerRun(3, func() {
		g := newGrid(p, func(*series.Desc) bool { return true })
		if text := g.columns[3].text(7); text != "7000000.5" {
			t.Error(text)
		}
	})
	if allocations > 4*rows {
		t.Errorf("%.0f allocations for %d rows of %d columns", allocations, rows, columns)
	}
}

// Where samples have texts, an empty one is not the number of its sample.
func TestTextsOfSamples(t *testing.T) {
	p := wide(4, 1)
	c := &p.Sets[0].Columns[0]
	for _, label := range []string{"", `,c0="up"`, `,c0=""`, ""} {
		c.Extra = append(c.Extra, label...)
		c.ExtraEnds = append(c.ExtraEnds, uint32(len(c.Extra)))
	}
	g := newGrid(p, func(*series.Desc) bool { return true })
	for row, want := range []string{"", "up", "", ""} {
		if got := g.columns[0].text(row); got != want {
			t.Errorf("row %d: %q, want %q", row, got, want)
		}
	}
}
