package dashboards

import (
	"fmt"
	"maps"
	"strings"
)

// pollInterval is the default poll interval of targets. Grafana sets $__rate_interval to four times
// as much, so that every rate window contains two polls.
const pollInterval = "1m"

// deviceUID is the UID of the dashboard Device, for links.
const deviceUID = "trapline-device"

// newDashboard returns an empty dashboard with the variable of the data source and links to the
// others.
func newDashboard(uid, title, description string) Dashboard {
	return Dashboard{
		UID: uid, Title: title, Description: description,
		Tags:          []string{"trapline", "snmp"},
		SchemaVersion: 39,
		Editable:      true,
		GraphTooltip:  1, // share the crosshair between panels
		Refresh:       pollInterval,
		Time:          timeRange{"now-3h", "now"},
		Timezone:      "browser",
		Links: []dashboardLink{{
			Title: "Trapline", Type: "dashboards", Tags: []string{"trapline"}, AsDropdown: true, IncludeVars: true, KeepTime: true,
		}},
		Annotations: list[annotation]{List: []annotation{}},
		Templating: list[variable]{List: []variable{{
			Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1, Current: object{},
		}}},
	}
}

// labelValues returns a variable with the values of a label. Grafana refreshes them when the time
// range changes, and sorts them naturally.
func labelValues(name, label, query string) variable {
	return variable{
		Name: name, Label: label, Type: "query", Datasource: &prometheus,
		Query: variableQuery{query, "StandardVariableQuery"}, Definition: query, Refresh: 2, Sort: 7, Current: object{},
	}
}

// custom returns a variable with fixed values. A viewer may enter another one.
func custom(name, label string, values ...string) variable {
	v := variable{Name: name, Label: label, Type: "custom", Query: strings.Join(values, ",")}
	for i, value := range values {
		v.Options = append(v.Options, option{value, value, i == 0})
	}
	v.Current = object{"text": values[0], "value": values[0]}
	return v
}

// withAll allows several values, and all, including series without the label.
func (v variable) withAll() variable {
	v.Multi, v.IncludeAll, v.AllValue = true, true, ".*"
	v.Current = object{"text": []string{"All"}, "value": []string{"$__all"}}
	return v
}

// anyDevice selects series that each device has: those of Trapline's polls and of Prometheus'
// scrapes.
const anyDevice = `{__name__=~"trapline_target_up|up", job=~"$job"}`

// scopeVariables returns the variables that select devices.
func scopeVariables() []variable {
	return []variable{
		labelValues("job", "Job", `label_values({__name__=~"trapline_target_up|up"}, job)`).withAll(),
		custom("by", "Device label", "target", "instance"),
		custom("label", "Label", "site", "location", "region", "role", "rack", "network", "job"),
		labelValues("value", "Value", "label_values("+anyDevice+", $label)").withAll(),
	}
}

// alarmEvents returns an annotation for raised alarms.
func alarmEvents(raised string) annotation {
	return annotation{
		Name: "Alarms", Title: "{{alertname}}", Text: "{{severity}} {{ifName}} {{ifAlias}}", Datasource: prometheus, Enable: true, IconColor: "red", Step: pollInterval,
		Expr: raised,
	}
}

// group is a row of panels with a title. A collapsed group runs no queries until it is opened.
type group struct {
	title     string
	collapsed bool
	panels    []Panel
}

// gridWidth is the number of columns of Grafana's grid.
const gridWidth = 24

// layout places groups below each other, each under its row.
func layout(groups ...group) []Panel {
	var placed []Panel
	id, y := 0, 0
	for _, g := range groups {
		id++
		row := Panel{Row: &Row{Collapsed: g.collapsed, Panels: []Panel{}}, ID: id, Type: "row", Title: g.title}
		row.GridPos = gridPos{H: 1, W: gridWidth, Y: y}
		y++
		height := place(g.panels, id, y)
		id += len(g.panels)
		if g.collapsed {
			row.Panels = g.panels
			placed = append(placed, row)
			continue
		}
		placed = append(append(placed, row), g.panels...)
		y += height
	}
	return placed
}

// place numbers panels and places them from left to right. It returns their total height.
func place(panels []Panel, id, top int) (height int) {
	x, y, lowest := 0, top, top
	for i := range panels {
		pos := &panels[i].GridPos
		if x+pos.W > gridWidth {
			x, y = 0, lowest
		}
		panels[i].ID, pos.X, pos.Y = id+1+i, x, y
		x += pos.W
		lowest = max(lowest, y+pos.H)
	}
	return lowest - top
}

func newPanel(kind, title, description, unit string, targets []target) Panel {
	for i := range targets {
		t := &targets[i]
		t.RefID = string(rune('A' + i))
		t.Datasource, t.EditorMode, t.Interval = prometheus, "code", pollInterval
		t.Range = !t.Instant
	}
	return Panel{
		Type: kind, Title: title, Description: description, Datasource: &prometheus, Targets: targets,
		FieldConfig: &fieldConfig{
			Defaults:  fieldDefaults{Unit: unit, Color: object{"mode": "palette-classic"}},
			Overrides: []override{},
		},
	}
}

// over returns a query over the time range with the legend of its series.
func over(expr, legend string) target { return target{Expr: expr, LegendFormat: legend} }

// now returns a query at the end of the time range.
func now(expr, legend string) target { return target{Expr: expr, LegendFormat: legend, Instant: true} }

// timeseries returns a graph of half the width of the dashboard.
func timeseries(title, description, unit string, targets ...target) Panel {
	p := newPanel("timeseries", title, description, unit, targets)
	p.FieldConfig.Defaults.Custom = object{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false, "axisSoftMin": 0,
	}
	p.Options = object{
		"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"mean", "max", "lastNotNull"}, "sortBy": "Max", "sortDesc": true},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p.size(12, 9)
}

// latest shows the last value only.
var latest = object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}

// stat returns a panel with one number.
func stat(title, description, unit, expr string) Panel {
	p := newPanel("stat", title, description, unit, []target{now(expr, "")})
	p.Options = object{
		"reduceOptions": latest, "colorMode": "value", "graphMode": "none", "textMode": "auto", "justifyMode": "auto",
		"orientation": "auto", "wideLayout": true,
	}
	return p.colors("blue").size(4, 4)
}

// bars returns a panel with a bar for each series.
func bars(title, description, unit string, t target) Panel {
	p := newPanel("bargauge", title, description, unit, []target{t})
	p.FieldConfig.Defaults.Min = new(float64)
	p.Options = object{
		"reduceOptions": latest, "displayMode": "gradient", "orientation": "horizontal", "showUnfilled": true,
		"valueMode": "color", "namePlacement": "auto", "sizing": "auto", "minVizHeight": 16, "minVizWidth": 8,
	}
	return p.colors("blue").size(12, 9)
}

// column is a column of a table: a label of the series or, if expr is set, a value.
type column struct {
	title      string
	label      string
	expr       string
	unit       string
	properties []property
}

// table returns a panel with a row for each set of labels; the result of every expression must have
// exactly the labels that are columns.
func table(title, description string, columns ...column) Panel {
	var targets []target
	order, names, hidden := object{}, object{}, object{"Time": true}
	var overrides []override
	for i, c := range columns {
		field := c.label
		if c.expr != "" {
			field = fmt.Sprintf("Value #%c", 'A'+len(targets))
			targets = append(targets, target{Expr: c.expr, Format: "table", Instant: true})
		}
		if c.title == "" {
			hidden[field] = true
			continue
		}
		order[field], names[field] = i, c.title
		properties := c.properties
		if c.unit != "" {
			properties = append([]property{{"unit", c.unit}}, properties...)
		}
		if len(properties) > 0 {
			overrides = append(overrides, override{object{"id": "byName", "options": c.title}, properties})
		}
	}
	if len(targets) == 1 { // Grafana does not number the values of a single query
		for _, fields := range []object{order, names, hidden} {
			rename(fields, "Value #A", "Value")
		}
	}
	p := newPanel("table", title, description, "", targets)
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, overrides...)
	p.FieldConfig.Defaults.Custom = object{"align": "auto", "filterable": true, "cellOptions": object{"type": "auto"}}
	p.Options = object{"showHeader": true, "cellHeight": "sm", "footer": object{"show": false, "enablePagination": true}}
	p.Transformations = []transformation{
		{"merge", object{}},
		{"organize", object{"indexByName": order, "renameByName": names, "excludeByName": hidden}},
	}
	return p.colors("text").size(gridWidth, 12)
}

func rename(fields object, from, to string) {
	if v, found := fields[from]; found {
		delete(fields, from)
		fields[to] = v
	}
}

func (p Panel) size(w, h int) Panel {
	p.GridPos.W, p.GridPos.H = w, h
	return p
}

// above is the color of values from a number up.
type above struct {
	value float64
	color string
}

// colors sets the color of values: the first, or that of the highest threshold they reach.
func (p Panel) colors(first string, rest ...above) Panel {
	t := thresholds{Mode: "absolute", Steps: []step{{Color: first}}}
	for _, a := range rest {
		t.Steps = append(t.Steps, step{a.color, &a.value})
	}
	p.FieldConfig.Defaults.Thresholds = &t
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	return p
}

// noValue sets the text of an empty result that is not an error.
func (p Panel) noValue(text string) Panel {
	p.FieldConfig.Defaults.NoValue = text
	return p
}

func (p Panel) upTo(limit float64) Panel {
	p.FieldConfig.Defaults.Max = &limit
	return p
}

func (p Panel) from(limit float64) Panel {
	p.FieldConfig.Defaults.Min = &limit
	return p
}

func (p Panel) option(name string, value any) Panel {
	p.Options = maps.Clone(p.Options)
	p.Options[name] = value
	return p
}

// words shows names in place of numbers.
func (p Panel) words(m mapping) Panel {
	p.FieldConfig.Defaults.Mappings = []mapping{m}
	return p
}

// states maps consecutive numbers from first to names.
func states(first int, named ...mapped) mapping {
	m := mapping{Type: "value", Options: map[string]mapped{}}
	for i, s := range named {
		s.Index = i
		m.Options[fmt.Sprint(first+i)] = s
	}
	return m
}
