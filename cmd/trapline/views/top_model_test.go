package views

import (
	"context"
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

// twoTables is a target with interfaces and hardware.
type twoTables struct{}

func (twoTables) ask(_ context.Context, table string) topData {
	d := topData{target: api.Target{Tables: []api.TableName{{Name: "interfaces"}, {Name: "hardware"}, {Name: "ifOther"}}}, table: api.Table{Name: table}}
	if table == "interfaces" {
		d.table.Columns = []api.TableColumn{{Name: "interface"}, {Name: "use"}}
		d.table.Rows = []api.TableRow{{Key: "1", Cells: []string{"Te1/1/1", ""}, Values: make([]*float64, 2)}}
		return d
	}
	d.table.Columns = []api.TableColumn{{Name: "state"}, {Name: "name"}, {Name: "description"}, {Name: "value"}, {Name: "limits"}}
	d.table.Rows = []api.TableRow{
		{Key: "2", State: "failed", Cells: []string{"failed", "PSU 1", "State: power supply", "failed", ""}, Values: make([]*float64, 5)},
		{Key: "3", State: "ok", Cells: []string{"ok", "Outside\x1b", "Temperature", "-20 °C", "> 60 °C"}, Values: make([]*float64, 5), History: map[string][]float64{"value": {-30, -1, 0, 10, -20}}},
	}
	return d
}

// The key t shows the hardware of the target in its own columns, with values below zero, and leads back.
func TestTopShowsHardware(t *testing.T) {
	t.Parallel()
	press := func(m *topModel, keys string) string {
		for _, c := range keys {
			code := c
			if c == '\n' {
				code = tea.KeyEnter
			}
			if _, next := m.Update(tea.KeyPressMsg{Code: code, Text: strings.TrimSpace(string(c))}); next != nil {
				m.Update(next())
			}
		}
		return m.View().Content
	}
	m := &topModel{ctx: t.Context(), source: twoTables{}, width: 140, height: 20, data: twoTables{}.ask(t.Context(), "interfaces"), table: "interfaces"}
	if got := m.View().Content; !strings.Contains(got, "t hardware") || !strings.Contains(got, "INTERFACE") {
		t.Errorf("interfaces:\n%s", got)
	}
	got := press(m, "t")
	for _, want := range []string{"MEASURES", "PSU 1", "State: power supply", "-20 °C", "> 60 °C", "Outside␛", "▁ ▆█▃", "2 of 2 rows", "t interfaces"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "INTERFACE") || strings.Contains(got, "sort by") || strings.Index(got, "PSU 1") > strings.Index(got, "Outside") {
		t.Errorf("hardware:\n%s", got)
	}
	if got := press(m, "e"); !strings.Contains(got, "1 of 2 rows") || strings.Contains(got, "Outside") {
		t.Errorf("what fails:\n%s", got)
	}
	if got := press(m, "ej\n"); !strings.Contains(got, "last -20, mean -10, highest 10") || !strings.Contains(got, "  Temperature  ok  -20 °C") || !strings.Contains(got, "-30 │") {
		t.Errorf("chart:\n%s", got)
	}
	if got := press(m, "\nt"); !strings.Contains(got, "Te1/1/1") {
		t.Errorf("back:\n%s", got)
	}
}
