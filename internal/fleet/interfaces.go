package fleet

import (
	"math"
	"slices"
	"strconv"

	"trapline/internal/api"
	"trapline/internal/history"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// objects of the table of interfaces.
var (
	ifDescr       = column(ifEntry, 2)
	ifSpeed       = column(ifEntry, 5)
	ifAdminStatus = column(ifEntry, 7)
	ifOperStatus  = column(ifEntry, 8)
	ifName        = column(ifXEntry, 1)
	ifHighSpeed   = column(ifXEntry, 15)
	ifAlias       = column(ifXEntry, 18)
)

func column(entry snmp.OID, n uint32) snmp.OID { return snmp.AppendArc(slices.Clone(entry), n) }

// operStatus are the words of ifOperStatus.
var operStatus = [...]string{1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "not present", 7: "lower layer down"}

var interfaceColumns = []api.TableColumn{
	{Name: "state", Title: "State"}, {Name: "interface", Title: "Interface"}, {Name: "alias", Title: "Alias"}, {Name: "speed", Title: "Speed", Unit: "bit/s"},
	{Name: "in", Title: "In", Unit: "bit/s"}, {Name: "out", Title: "Out", Unit: "bit/s"}, {Name: "use", Title: "Use", Unit: "%"},
	{Name: "errors", Title: "Errors/s", Unit: "/s"}, {Name: "discards", Title: "Discards/s", Unit: "/s"},
}

// renderInterfaces shows ifTable and ifXTable as one.
func renderInterfaces(t *polledTable, p *poller.Pass, views []history.View, q *api.TableQuery) api.Table {
	g := newGrid(p, func(d *series.Desc) bool { return slices.Contains(t.entries, entryOf(d.Object)) })
	out := api.Table{Name: t.name, Title: t.title, Total: len(g.keys), Columns: interfaceColumns, Rows: []api.TableRow{}}
	tracks := tracksOf(g, views, history.Interfaces)
	x := interfaceTable{g: g, tracks: tracks, history: q.History}
	x.descr, x.speed, x.admin, x.oper = g.column(ifDescr), g.column(ifSpeed), g.column(ifAdminStatus), g.column(ifOperStatus)
	x.name, x.high, x.alias = g.column(ifName), g.column(ifHighSpeed), g.column(ifAlias)
	from, to := page(q, len(g.keys))
	for row := from; row < to; row++ {
		out.Rows = append(out.Rows, x.row(row))
	}
	return out
}

type interfaceTable struct {
	g                                            *grid
	tracks                                       *tracks
	history                                      bool
	descr, speed, admin, oper, name, high, alias *gridColumn
}

func (x *interfaceTable) row(row int) api.TableRow {
	labels := x.g.labels(row)
	r := api.TableRow{Key: x.g.keys[row], State: x.state(row)}
	addText(&r, r.State)
	addText(&r, first(labels["ifName"], x.name.text(row), labels["ifDescr"], x.descr.text(row), labels["ifIndex"], r.Key))
	addText(&r, first(labels["ifAlias"], x.alias.text(row)))
	speed, known := x.bits(row)
	addNumber(&r, speed, known, bitRate)
	in, hasIn := x.rate("in", row, r.State)
	out, hasOut := x.rate("out", row, r.State)
	addNumber(&r, in, hasIn, bitRate)
	addNumber(&r, out, hasOut, bitRate)
	addNumber(&r, 100*max(in, out)/speed, known && speed > 0 && (hasIn || hasOut), percent)
	for _, what := range []string{"_errors", "_discards"} {
		a, hasA := x.rate("in"+what, row, r.State)
		b, hasB := x.rate("out"+what, row, r.State)
		addNumber(&r, a+b, hasA || hasB, human.Significant)
	}
	if x.history {
		r.History = map[string][]float64{}
		for _, name := range []string{"in", "out"} {
			if points := x.tracks.points(name, row); points != nil {
				r.History[name] = points
			}
		}
	}
	return r
}

// rate is a rate of an interface. That nothing passes through one that is off says nothing.
func (x *interfaceTable) rate(name string, row int, state string) (float64, bool) {
	v, ok := x.tracks.rate(name, row)
	return v, ok && (v > 0 || state != stateOff)
}

// stateOff is of an interface that the administrator has down.
const stateOff = "off"

// state is up, down and so on, or stateOff.
func (x *interfaceTable) state(row int) string {
	if v, ok := x.admin.number(row); ok && (v == 2 && x.admin.text(row) == "2" || x.admin.text(row) == "down") {
		return stateOff
	}
	v, ok := x.oper.number(row)
	if !ok {
		return ""
	}
	text := x.oper.text(row)
	if n := int(v); text == strconv.Itoa(n) && n > 0 && n < len(operStatus) {
		return operStatus[n]
	}
	return text
}

// bits is the nominal speed in bit/s.
func (x *interfaceTable) bits(row int) (float64, bool) {
	if v, ok := x.high.number(row); ok && v > 0 {
		return v * 1e6, true
	}
	v, ok := x.speed.number(row)
	return v, ok && v > 0 && v < math.MaxUint32
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func bitRate(v float64) string { return human.Scaled(v, "bit/s") }

func percent(v float64) string { return human.Significant(v) + " %" }
