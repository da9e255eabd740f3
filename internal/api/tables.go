package api

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// TableQuery selects rows of a table of a target.
type TableQuery struct {
	Target  string
	Table   string // a name of Target.Tables, or the OID of the table
	Rates   bool   // with rates between the last two polls
	History bool   // with histories
	Limit   int    // rows; 0 means 1000
	Offset  int
}

// defaultRows is how many rows one answer has where no limit is given.
const defaultRows = 1000

func tableQuery(r *http.Request) (q TableQuery, err error) {
	q = TableQuery{Target: r.PathValue("name"), Table: r.PathValue("table"), Rates: r.FormValue("rates") == "1", History: r.FormValue("history") == "1"}
	if q.Limit, err = number(r, "limit"); err == nil {
		q.Offset, err = number(r, "offset")
	}
	return q, err
}

// Table returns a table of a target as its last answered poll had it, with rates and histories.
func (a *API) Table(target, table string) (Table, error) {
	return a.TableOf(TableQuery{Target: target, Table: table, Rates: true, History: true})
}

// TableOf returns the rows of a table that q selects.
func (a *API) TableOf(q TableQuery) (Table, error) {
	d, ok := a.options.Polls.Detail(q.Target)
	switch {
	case !ok:
		return Table{}, a.noTarget(q.Target)
	case d.Summary.Answered == nil:
		return Table{}, &Hinted{of(ErrUnavailable, "%s has not answered yet", q.Target), fmt.Sprintf("trapline target %s says why", q.Target)}
	}
	list := tablesOf(d.Summary.Answered)
	i := slices.IndexFunc(list, func(t polledTable) bool { return t.name == q.Table || t.oid.String() == q.Table })
	if i < 0 {
		var names []string
		for _, t := range list {
			names = append(names, t.name)
		}
		err := of(ErrNotFound, "%s has no table %q", q.Target, q.Table)
		if near := setting.Nearest(q.Table, names); near != "" {
			return Table{}, &Hinted{err, fmt.Sprintf("did you mean %s?", near)}
		}
		return Table{}, &Hinted{err, "the tables are " + strings.Join(names, ", ")}
	}
	var views []history.View
	if q.Rates || q.History {
		views = a.options.Polls.History(q.Target, q.History)
	}
	q.Limit = cmp.Or(q.Limit, defaultRows)
	t := list[i].render(d.Summary.Answered, views, &q)
	t.Every, t.AsOf = d.Summary.Target.Interval.Seconds(), d.Summary.Answered.Start.Add(d.Summary.Answered.Duration)
	return t, nil
}

// tables lists the tables of a target's last answered poll.
func (a *API) tables(u *poller.Summary) []TableName {
	list := []TableName{}
	if u.Answered == nil {
		return list
	}
	for _, t := range tablesOf(u.Answered) {
		list = append(list, TableName{Name: t.name, Title: t.title, Rows: t.rows})
	}
	return list
}

// polledTable is an SNMP table of which a poll has samples.
type polledTable struct {
	name, title string
	oid         snmp.OID
	entries     []string // whose columns it has
	rows        int
}

var (
	ifEntry  = snmp.MustParseOID("1.3.6.1.2.1.2.2.1")
	ifXEntry = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1")
)

// scalars is the name of the table that has all that is in no table.
const scalars = "scalars"

// tablesOf are the tables of a poll: interfaces first, scalars last.
func tablesOf(p *poller.Pass) []polledTable {
	var list []polledTable
	at := map[string]int{}
	metrics := map[string][]string{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if c.Desc.Object == nil {
				continue
			}
			entry := tableKey(c)
			n, known := at[entry]
			if !known {
				n = len(list)
				at[entry] = n
				list = append(list, polledTable{entries: []string{entry}})
			}
			list[n].rows = max(list[n].rows, len(c.Table.Ends))
			metrics[entry] = append(metrics[entry], c.Desc.Name)
		}
	}
	list = joinInterfaces(list)
	taken := map[string]bool{}
	for i := range list {
		t := &list[i]
		t.entitle(metrics[t.entries[0]])
		if t.name == scalars {
			t.rows = len(metrics[scalars])
		}
		if taken[t.name] {
			t.name = t.oid.String()
		}
		taken[t.name] = true
	}
	slices.SortStableFunc(list, func(a, b polledTable) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.title, b.title))
	})
	return list
}

// tableKey returns the table that a column belongs to; scalars are in none.
func tableKey(c *series.Column) string {
	if len(c.Table.Ends) == 1 && len(c.Table.Labels) == 0 {
		return scalars
	}
	return entryOf(c.Desc.Object)
}

// joinInterfaces makes one table of ifTable and ifXTable.
func joinInterfaces(list []polledTable) []polledTable {
	x := slices.IndexFunc(list, func(t polledTable) bool { return t.entries[0] == string(ifXEntry) })
	n := slices.IndexFunc(list, func(t polledTable) bool { return t.entries[0] == string(ifEntry) })
	if x < 0 || n < 0 {
		return list
	}
	list[n].entries = append(list[n].entries, list[x].entries...)
	list[n].rows = max(list[n].rows, list[x].rows)
	return slices.Delete(list, x, x+1)
}

func (t *polledTable) interfaces() bool {
	return t.entries[0] == string(ifEntry) || t.entries[0] == string(ifXEntry)
}

func (t *polledTable) rank() int {
	switch {
	case t.interfaces():
		return 0
	case t.name == scalars:
		return 2
	}
	return 1
}

// entitle gives the table its name: the one of its MIB where that is known, else what the names of its metrics begin
// with.
func (t *polledTable) entitle(metrics []string) {
	entry := t.entries[0]
	if entry == scalars {
		t.name, t.title = scalars, "Scalars"
		return
	}
	t.oid, _ = snmp.OID(entry).CutLast()
	if t.interfaces() {
		t.name, t.title = history.Interfaces, "Interfaces"
		return
	}
	if known, ok := knownTables[t.oid.String()]; ok {
		t.name, t.title = known.name, known.title
		return
	}
	prefix := metrics[0]
	for _, name := range metrics {
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	t.name = strings.TrimRight(prefix, "_:")
	if len(t.name) < 3 {
		t.name = t.oid.String()
	}
	t.title = t.name
}

func (t *polledTable) render(p *poller.Pass, views []history.View, q *TableQuery) Table {
	switch {
	case t.name == scalars:
		return renderScalars(p, q)
	case t.interfaces():
		return renderInterfaces(t, p, views, q)
	}
	return t.renderPlain(p, views, q)
}

// page is the part of so many rows that q selects.
func (q *TableQuery) page(rows int) (from, to int) {
	from = min(q.Offset, rows)
	return from, min(from+q.Limit, rows)
}

// renderPlain shows the labels of the rows, then the columns in the order of their objects.
func (t *polledTable) renderPlain(p *poller.Pass, views []history.View, q *TableQuery) Table {
	g := newGrid(p, func(d *series.Desc) bool { return slices.Contains(t.entries, entryOf(d.Object)) })
	slices.SortStableFunc(g.columns, func(a, b *gridColumn) int {
		return snmp.OID(a.desc.Object).Compare(snmp.OID(b.desc.Object))
	})
	out := Table{Name: t.name, Title: t.title, Total: len(g.keys), Rows: []TableRow{}, Columns: []TableColumn{}}
	names := labelNames(g)
	for _, name := range names {
		out.Columns = append(out.Columns, TableColumn{Name: name, Title: name})
	}
	for _, c := range g.columns {
		out.Columns = append(out.Columns, TableColumn{Name: c.desc.Name, Title: c.desc.Name})
	}
	extra := newTrackColumns(g, views, &out, q)
	from, to := q.page(len(g.keys))
	for row := from; row < to; row++ {
		r := TableRow{Key: g.keys[row]}
		labels := g.labels(row)
		for _, name := range names {
			r.addText(labels[name])
		}
		for _, c := range g.columns {
			if v, ok := c.number(row); ok && c.text(row) == decimal(v) {
				r.add(c.text(row), &v)
			} else {
				r.addText(c.text(row))
			}
		}
		extra.fill(&r, row)
		out.Rows = append(out.Rows, r)
	}
	return out
}

// labelNames are those of all rows, in the order in which they first stand.
func labelNames(g *grid) (names []string) {
	for _, key := range g.keys[:min(len(g.keys), 100)] {
		for name := range series.Labels([]byte(key)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func renderScalars(p *poller.Pass, q *TableQuery) Table {
	out := Table{Name: scalars, Title: "Scalars", Columns: []TableColumn{{Name: "object", Title: "Object"}, {Name: "value", Title: "Value"}}, Rows: []TableRow{}}
	g := newGrid(p, func(*series.Desc) bool { return true })
	for _, c := range g.columns {
		row := slices.Index(c.has, true)
		if row < 0 || g.keys[row] != "" {
			continue
		}
		r := TableRow{Key: c.desc.Name}
		r.addText(c.desc.Name)
		if v := c.numbers[row]; c.text(row) == decimal(v) {
			r.add(c.text(row), &v)
		} else {
			r.addText(c.text(row))
		}
		out.Rows = append(out.Rows, r)
	}
	out.Total = len(out.Rows)
	from, to := q.page(len(out.Rows))
	out.Rows = out.Rows[from:to]
	return out
}

func (r *TableRow) add(text string, v *float64) {
	r.Cells, r.Values = append(r.Cells, text), append(r.Values, v)
}

func (r *TableRow) addText(text string) { r.add(text, nil) }

// addNumber adds a number that may be missing.
func (r *TableRow) addNumber(v float64, ok bool, text func(float64) string) {
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		r.addText("")
		return
	}
	r.add(text(v), &v)
}
