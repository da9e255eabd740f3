package fleet

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/history"
	"trapline/internal/human"
	"trapline/internal/measure"
	"trapline/internal/poller"
	"trapline/internal/series"
)

// family is a table of vendor-neutral measures. Of several whose names begin so, the longest beginning counts.
type family struct {
	name, title string
	metrics     []string // beginnings of names, in the order of their rows
}

var families = []family{
	{"hardware", "Hardware", []string{"system_cpu", "system_memory", "hw_temperature", "hw_fan_speed", "hw_status", "hw_battery", "hw_power", "hw_"}},
	{"filesystems", "Filesystems", []string{"system_filesystem"}},
	{"optics", "Optics", []string{"hw_optical_power", "hw_signal_noise_ratio"}},
	{"wireless", "Wireless", []string{"wireless_", "radio_"}},
	{"services", "Services", []string{""}},
}

// familyOf returns the number of the family that a metric is in, and its place there.
func familyOf(metric string) (n, rank int) {
	length := -1
	for i := range families {
		for j, beginning := range families[i].metrics {
			if strings.HasPrefix(metric, beginning) && len(beginning) > length {
				n, rank, length = i, j, len(beginning)
			}
		}
	}
	return n, rank
}

// measuredRow is a series of a measure.
type measuredRow struct {
	column *series.Column
	sample int
	shows  *measure.Exposition
	table  *measuredTable
	rank   int
	state  string // ok, degraded, failed, unknown, or empty
}

// measuredTable are the columns with the same rows as others.
type measuredTable struct{ limits, usage, size, shares []*series.Column }

// measuredRows returns the series of a family, or of all if n is negative.
func measuredRows(p *poller.Pass, n int) (rows []measuredRow) {
	tables := map[*series.Table]*measuredTable{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			x, ok := expositionOf(c)
			if !ok {
				continue
			}
			t := tables[c.Table]
			if t == nil {
				t = &measuredTable{}
				tables[c.Table] = t
			}
			t.add(c, x.Role)
			of, rank := familyOf(x.Metric.Name)
			if n >= 0 && of != n || x.Role == measure.Limit || x.Role == measure.Size || x.Metric.Info {
				continue
			}
			for j := range c.Values {
				rows = append(rows, measuredRow{column: c, sample: j, shows: &x, table: t, rank: rank})
			}
		}
	}
	return slices.DeleteFunc(rows, func(r measuredRow) bool { return r.shows.Role == measure.Usage && !r.alone() })
}

// sortMeasured puts those first that are not ok, then the order of the family counts.
func sortMeasured(rows []measuredRow) {
	for i := range rows {
		rows[i].state = rows[i].condition()
	}
	slices.SortStableFunc(rows, func(a, b measuredRow) int {
		return cmp.Or(cmp.Compare(severity(b.state), severity(a.state)), cmp.Compare(a.rank, b.rank), cmp.Compare(a.shows.Rank, b.shows.Rank))
	})
}

func expositionOf(c *series.Column) (measure.Exposition, bool) {
	if !c.Desc.Computed {
		return measure.Exposition{}, false
	}
	return measure.ExpositionOf(c.Desc.Name)
}

func (t *measuredTable) add(c *series.Column, role measure.Role) {
	switch role {
	case measure.Limit:
		t.limits = append(t.limits, c)
	case measure.Usage:
		t.usage = append(t.usage, c)
	case measure.Size:
		t.size = append(t.size, c)
	default:
		t.shares = append(t.shares, c)
	}
}

// measuredTables returns the tables of measures that a poll has.
func measuredTables(p *poller.Pass) (list []polledTable) {
	counts := make([]int, len(families))
	for _, r := range measuredRows(p, -1) {
		n, _ := familyOf(r.shows.Metric.Name)
		counts[n]++
	}
	for n, rows := range counts {
		if rows > 0 {
			list = append(list, polledTable{name: families[n].name, title: families[n].title, rows: rows, family: n + 1})
		}
	}
	return list
}

func (r *measuredRow) row() int { return r.column.RowOf(r.sample) }

func (r *measuredRow) value() float64 { return r.column.Values[r.sample] }

// alone reports whether it is how much is used of something whose share is not known.
func (r *measuredRow) alone() bool {
	return r.label("state") == "used" && !slices.ContainsFunc(r.table.shares, func(c *series.Column) bool { _, ok := sampleIn(c, r.row()); return ok })
}

// sampleIn returns the sample that a column has in a row. Rows are in ascending order.
func sampleIn(c *series.Column, row int) (int, bool) {
	if c.Rows == nil {
		return row, row < len(c.Values)
	}
	return slices.BinarySearch(c.Rows, int32(row))
}

// label returns a label of the series, or an empty text.
func (r *measuredRow) label(name string) string {
	for _, labels := range [][]byte{r.column.ExtraOf(r.sample), r.column.Table.Row(r.row())} {
		for n, value := range series.Labels(bytes.TrimPrefix(labels, []byte{','})) {
			if n == name {
				return value
			}
		}
	}
	return ""
}

// limits returns the limits of the value by kind, such as high.critical.
func (r *measuredRow) limits() (list []limit) {
	for _, c := range r.table.limits {
		x, _ := expositionOf(c)
		if x.Metric != r.shows.Metric || x.Unit != r.shows.Unit {
			continue
		}
		if i, ok := sampleIn(c, r.row()); ok {
			l := measuredRow{column: c, sample: i}
			list = append(list, limit{l.label(measure.LimitType), c.Values[i]})
		}
	}
	return list
}

type limit struct {
	kind  string
	value float64
}

// condition is how the part fares: by its state, or by the limits that the device has for the value.
func (r *measuredRow) condition() string {
	if r.shows.Metric.Name == "hw_status" {
		return stateWord(measure.Status, r.value())
	}
	state := ""
	for _, l := range r.limits() {
		side, degree, _ := strings.Cut(l.kind, ".")
		word := "ok"
		if side == "high" && r.value() > l.value || side == "low" && r.value() < l.value {
			word = map[string]string{"critical": "failed", "degraded": "degraded"}[degree]
		}
		if severity(word) > severity(state) || state == "" {
			state = word
		}
	}
	return state
}

func stateWord(words []string, v float64) string {
	if n := int(v); n >= 0 && n < len(words) && float64(n) == v {
		return words[n]
	}
	return decimal(v)
}

// severity orders states.
func severity(state string) int {
	switch state {
	case "failed":
		return 2
	case "degraded":
		return 1
	}
	return 0
}

var measureColumns = []api.TableColumn{
	{Name: "state", Title: "State"}, {Name: "name", Title: "Name"}, {Name: "description", Title: "Measures"}, {Name: "value", Title: "Value"},
	{Name: "limits", Title: "Limits"}, {Name: "parent", Title: "Part of"}, {Name: "object", Title: "Object"},
}

// renderMeasures shows a family of measures: a row for each series.
func renderMeasures(t *polledTable, p *poller.Pass, views []history.View, q *api.TableQuery) api.Table {
	rows := measuredRows(p, t.family-1)
	sortMeasured(rows)
	out := api.Table{Name: t.name, Title: t.title, Total: len(rows), Columns: measureColumns, Rows: []api.TableRow{}}
	points := pointsOf(views)
	from, to := page(q, len(rows))
	for i := from; i < to; i++ {
		r := &rows[i]
		line := api.TableRow{Key: r.key(), State: r.state}
		for _, text := range []string{r.state, r.name(), r.what()} {
			addText(&line, text)
		}
		v := r.value()
		addCell(&line, r.text(), &v)
		for _, text := range []string{r.bounds(), r.label("hw_parent"), r.label("hw_id")} {
			addText(&line, text)
		}
		if list := points(r); q.History && list != nil {
			line.History = map[string][]float64{"value": list}
		}
		out.Rows = append(out.Rows, line)
	}
	return out
}

// pointsOf returns the function that has the points of a row.
func pointsOf(views []history.View) func(*measuredRow) []float64 {
	i := slices.IndexFunc(views, func(v history.View) bool { return v.Kind == history.Measures })
	if i < 0 || views[i].Tracks[0].Points == nil {
		return func(*measuredRow) []float64 { return nil }
	}
	numbers := map[string]int{}
	for row := range views[i].Table.Ends {
		numbers[string(views[i].Table.Row(row))] = row
	}
	return func(r *measuredRow) []float64 {
		row, ok := numbers[history.SeriesKey(r.column.Desc.Name, r.column.Table.Row(r.row()))]
		if !ok || r.column.ExtraEnds != nil {
			return nil
		}
		return shown(views[i].Tracks[0].Points(row))
	}
}

// key names the series.
func (r *measuredRow) key() string {
	labels := append([]byte(`__name__="`+r.column.Desc.Name+`",`), r.column.Table.Row(r.row())...)
	return string(append(labels, r.column.ExtraOf(r.sample)...))
}

// name is what the part is called, and what distinguishes it from others of that name.
func (r *measuredRow) name() string {
	parts := []string{first(r.label("hw_name"), r.label("mountpoint"), r.label("license"), r.label("ssid"), r.label("ifName"), r.label("hw_id"))}
	for _, name := range r.shows.Metric.Labels {
		if text := r.label(name); text != "" && !slices.Contains(parts, text) && (name != "state" || !r.shows.Metric.Space) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}

// what is the kind of the part, with the quantity that is measured.
func (r *measuredRow) what() string {
	if kind := r.label("hw_type"); r.shows.Metric.Name == "hw_status" && kind != "" {
		return "State: " + strings.ReplaceAll(kind, "_", " ")
	}
	help, _, _ := strings.Cut(r.shows.Metric.Help, ",")
	help, _, _ = strings.Cut(help, ":")
	return help
}

// text is the value with its unit.
func (r *measuredRow) text() string {
	if words := r.shows.Metric.States; words != nil {
		return strings.ReplaceAll(stateWord(words, r.value()), "_", " ")
	}
	if r.shows.Metric.Date {
		return time.Unix(int64(r.value()), 0).UTC().Format(time.DateOnly)
	}
	text := measuredText(r.value(), r.shows.Unit)
	if r.shows.Metric.Space && r.shows.Role == measure.Value {
		used, isUsed := r.beside(r.table.usage)
		size, isSize := r.beside(r.table.size)
		switch {
		case isUsed && isSize:
			text += " (" + bytesText(used) + " of " + bytesText(size) + ")"
		case isSize:
			text += " of " + bytesText(size)
		}
	}
	return text
}

// beside returns the value of other columns in the row: of those with a state, that of what is used.
func (r *measuredRow) beside(columns []*series.Column) (float64, bool) {
	for _, c := range columns {
		if i, ok := sampleIn(c, r.row()); ok {
			x := measuredRow{column: c, sample: i}
			if c.ExtraEnds == nil || x.label("state") == "used" {
				return c.Values[i], true
			}
		}
	}
	return 0, false
}

// bounds are the limits as text.
func (r *measuredRow) bounds() string {
	var parts []string
	for _, l := range r.limits() {
		sign := map[bool]string{true: "> ", false: "< "}[strings.HasPrefix(l.kind, "high")]
		parts = append(parts, strings.TrimSpace(sign+measuredText(l.value, r.shows.Unit)+" "+map[bool]string{true: "critical"}[strings.HasSuffix(l.kind, ".critical")]))
	}
	return strings.Join(parts, ", ")
}

// unitSigns are the units as people write them.
var unitSigns = map[string]string{"Cel": "°C", "{}": "", "m3/s": "m³/s", "L/min": "l/min"}

// measuredText is a value in a unit of measures.
func measuredText(v float64, unit string) string {
	switch unit {
	case "1":
		return human.Percent(v)
	case "By":
		return bytesText(v)
	case "s":
		return human.Span(v)
	}
	sign, known := unitSigns[unit]
	if !known {
		sign = unit
	}
	switch unit {
	case "Cel", "dBm", "dB", "rpm", "", "{}":
		return strings.TrimSpace(human.Trimmed(v, 3) + " " + sign)
	}
	return human.Scaled(v, sign)
}

// bytesText is a size of memory.
func bytesText(v float64) string {
	prefixes := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	n := 0
	for math.Abs(v) >= 1023.5 && n < len(prefixes)-1 {
		v /= 1024
		n++
	}
	return human.Significant(v) + " " + prefixes[n]
}
