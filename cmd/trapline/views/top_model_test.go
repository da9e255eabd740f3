package views

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"trapline/internal/api"
)

// The chart stays with the interface that it was opened for, whichever is the busiest later, and ends with its row.
func TestTopChartsOneInterface(t *testing.T) {
	t.Parallel()
	busy := func(names ...string) topData {
		d := topData{table: api.Table{Columns: []api.TableColumn{{Name: "interface"}, {Name: "use"}}}}
		for i, name := range names {
			use := float64(90 - i)
			d.table.Rows = append(d.table.Rows, api.TableRow{Key: name, Cells: []string{name, ""}, Values: []*float64{nil, &use}})
		}
		return d
	}
	m := &topModel{width: 100, height: 20, data: busy("first", "second")}
	m.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	m.Update(busy("second", "first"))
	if got := m.View().Content; !strings.Contains(got, "first") || strings.Contains(got, "second") {
		t.Errorf("the chart is\n%s", got)
	}
	m.Update(busy("second"))
	if got := m.View().Content; !strings.Contains(got, "INTERFACE") || !strings.Contains(got, "second") {
		t.Errorf("without the row, the screen is\n%s", got)
	}
}

// A column is as high as its share of the highest point, in eighths of a line, and a gap is empty.
func TestPlot(t *testing.T) {
	for _, test := range []struct {
		points        []float64
		width, height int
		want          string
	}{
		{[]float64{0, 4, 8, -1, 2}, 5, 2, "          8 │  █|          0 │▁██ ▄"},
		{[]float64{0, 4, 8, -1, 2}, 11, 2, "          8 │    ██|          0 │▁▁████  ▄▄"},
		{[]float64{9, 1, 2}, 2, 1, "          2 │▄█"},
		{[]float64{0, 0}, 2, 1, "          0 │▁▁"},
		{nil, 5, 1, "          0 │"},
	} {
		if got := strings.Join(plot(test.points, test.width, test.height, ""), "|"); got != test.want {
			t.Errorf("%v in %d×%d:\n%s\nwant\n%s", test.points, test.width, test.height, got, test.want)
		}
	}
}
