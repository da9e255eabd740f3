package web

import (
	"encoding/json"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/human"
)

// tableView is a table of a target as its page shows it.
type tableView struct {
	api.Table
	Sparks  []int
	Chart   *api.TableRow // whose histories are drawn large; nil for none
	numbers []bool        // columns of numbers
}

// maxLines is how many histories one drawing shows.
const maxLines = 4

// newTableView prepares a table; row is the key of the row to draw, "" for the first that has a history.
func newTableView(t api.Table, row string) *tableView {
	v := &tableView{Table: t, numbers: make([]bool, len(t.Columns))}
	for i := range t.Rows {
		r := &t.Rows[i]
		for c, value := range r.Values {
			v.numbers[c] = v.numbers[c] || value != nil
		}
		if v.Chart == nil && len(r.History) > 0 && (row == "" || row == r.Key) {
			v.Chart = r
		}
		for c := range t.Columns {
			if r.History[t.Columns[c].Name] != nil && !slices.Contains(v.Sparks, c) {
				v.Sparks = append(v.Sparks, c)
			}
		}
	}
	slices.Sort(v.Sparks)
	v.Sparks = v.Sparks[:min(len(v.Sparks), maxLines)]
	return v
}

// Right reports whether a column holds numbers.
func (v *tableView) Right(c int) bool { return v.numbers[c] && v.Columns[c].Unit != "%" }

// SparkAfter reports whether the histories are drawn after column c.
func (v *tableView) SparkAfter(c int) bool {
	return len(v.Sparks) > 0 && v.Sparks[len(v.Sparks)-1] == c
}

// Narrow reports whether a column is left out on small screens: where there are histories, all but the state, the name
// and those with a history.
func (v *tableView) Narrow(c int) bool {
	return c > v.Link() && len(v.Sparks) > 0 && !slices.Contains(v.Sparks, c)
}

// Folded returns the text below the name on small screens: the column after it, if that is left out.
func (v *tableView) Folded(r api.TableRow) string {
	c := v.Link() + 1
	if c >= len(r.Cells) || !v.Narrow(c) || v.numbers[c] {
		return ""
	}
	return r.Cells[c]
}

// Cell writes a value of a row.
func (v *tableView) Cell(r api.TableRow, c int) template.HTML {
	var value *float64
	if c < len(r.Values) {
		value = r.Values[c]
	}
	text := ""
	if c < len(r.Cells) {
		text = r.Cells[c]
	}
	switch {
	case value != nil && v.Columns[c].Unit == "%":
		return bar(*value/100) + template.HTML(`<span class="skip"> `+template.HTMLEscapeString(text)+`</span>`)
	case text == "" && v.numbers[c]:
		return none
	}
	return template.HTML(template.HTMLEscapeString(text))
}

// State reports whether a column holds states of rows.
func (v *tableView) State(c int) bool { return v.Columns[c].Name == "state" }

// Link is the column whose cells lead to the chart of the row: the first one that is no state.
func (v *tableView) Link() int {
	if len(v.Columns) > 1 && v.State(0) {
		return 1
	}
	return 0
}

// Alert reports whether a rate of errors is above zero.
func (v *tableView) Alert(r api.TableRow, c int) bool {
	return c < len(r.Values) && r.Values[c] != nil && *r.Values[c] > 0 && strings.Contains(strings.ToLower(v.Columns[c].Title), "error")
}

// Spark draws the histories of a row.
func (v *tableView) Spark(r api.TableRow) template.HTML {
	lines, names := v.histories(r)
	return spark(lines, 150, 22, strings.Join(names, ", ")+" in the last "+v.Period(r))
}

// histories are those of a row that are drawn, with the titles of their columns.
func (v *tableView) histories(r api.TableRow) (lines [][]float64, names []string) {
	for _, c := range v.Sparks {
		if h := r.History[v.Columns[c].Name]; h != nil {
			lines, names = append(lines, h), append(names, v.Columns[c].Title)
		}
	}
	return lines, names
}

// Period is the time that the histories of a row cover.
func (v *tableView) Period(r api.TableRow) string {
	lines, _ := v.histories(r)
	_, _, n := scale(lines)
	return human.Span(float64(n) * v.Every)
}

// RowTitle is the title of a row: its first two cells of text.
func (v *tableView) RowTitle(r api.TableRow) string {
	var parts []string
	for c, text := range r.Cells {
		if text != "" && !v.numbers[c] && text != r.State && len(parts) < 2 {
			parts = append(parts, text)
		}
	}
	if parts == nil {
		return r.Key
	}
	return strings.Join(parts, " · ")
}

// Large draws the histories of the chosen row for browsers without JavaScript.
func (v *tableView) Large() template.HTML {
	lines, names := v.histories(*v.Chart)
	return spark(lines, 1200, 190, strings.Join(names, ", "))
}

// Legend returns the lines of the drawing with their colors.
func (v *tableView) Legend() []legend {
	_, names := v.histories(*v.Chart)
	entries := make([]legend, len(names))
	for i, name := range names {
		entries[i] = legend{lineClasses[i], name}
	}
	return entries
}

type legend struct{ Class, Name string }

// Series returns the histories of the chosen row to the page's script.
func (v *tableView) Series() (string, error) {
	type drawn struct {
		Label  string     `json:"label"`
		Values []*float64 `json:"values"`
	}
	var series struct {
		Times []int64 `json:"times"`
		Lines []drawn `json:"lines"`
	}
	lines, names := v.histories(*v.Chart)
	_, _, n := scale(lines)
	for i := range n {
		series.Times = append(series.Times, v.AsOf.Add(-time.Duration(float64(n-1-i)*v.Every*float64(time.Second))).Unix())
	}
	for i, line := range lines {
		d := drawn{Label: names[i], Values: make([]*float64, n)}
		if unit := v.Columns[v.Sparks[i]].Unit; unit != "" {
			d.Label += " " + unit
		}
		for j, value := range line {
			if value != gap && !math.IsInf(value, 0) {
				d.Values[n-len(line)+j] = &line[j]
			}
		}
		series.Lines = append(series.Lines, d)
	}
	text, err := json.Marshal(series)
	return string(text), err
}
