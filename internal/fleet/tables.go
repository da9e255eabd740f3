package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// defaultRows is how many rows one answer has where no limit is given.
const defaultRows = 1000

// Table returns a table of a target as its last answered poll had it, with rates and histories.
func (f *Fleet) Table(target, table string) (api.Table, error) {
	return f.TableOf(api.TableQuery{Target: target, Table: table, Rates: true, History: true})
}

// TableOf returns the rows of a table that q selects.
func (f *Fleet) TableOf(q api.TableQuery) (api.Table, error) {
	d, ok := f.polls.Detail(q.Target)
	switch {
	case !ok:
		return api.Table{}, f.NoTarget(q.Target)
	case d.Summary.Answered == nil:
		return api.Table{}, api.WithHint(api.Errorf(api.ErrUnavailable, "%s has not answered yet", q.Target), fmt.Sprintf("trapline target %s says why", q.Target))
	}
	list := tablesOf(d.Summary.Answered)
	i := slices.IndexFunc(list, func(t polledTable) bool { return t.name == q.Table || t.oid != nil && t.oid.String() == q.Table })
	if i < 0 {
		var names []string
		for _, t := range list {
			names = append(names, t.name)
		}
		err := api.Errorf(api.ErrNotFound, "%s has no table %q", q.Target, q.Table)
		if question := setting.DidYouMean(q.Table, names); question != "" {
			return api.Table{}, api.WithHint(err, question)
		}
		return api.Table{}, api.WithHint(err, "the tables are "+strings.Join(names, ", "))
	}
	var views []history.View
	if q.Rates || q.History {
		views = f.polls.History(q.Target, q.History)
	}
	q.Limit = cmp.Or(q.Limit, defaultRows)
	t := list[i].render(d.Summary.Answered, views, &q)
	t.Every, t.AsOf = d.Summary.Target.Interval.Seconds(), d.Summary.Answered.Start.Add(d.Summary.Answered.Duration)
	return t, nil
}

// tables lists the tables of a target's last answered poll.
func (f *Fleet) tables(u *poller.Summary) []api.TableName {
	list := []api.TableName{}
	if u.Answered == nil {
		return list
	}
	for _, t := range tablesOf(u.Answered) {
		named := api.TableName{Name: t.name, Title: t.title, Rows: t.rows, ReadAt: u.Answered.Start}
		if c := t.carried; c != nil && !t.read {
			named.ReadAt, named.Every, named.Due = c.Read, c.Every.Seconds(), c.Due
		}
		list = append(list, named)
	}
	return list
}

func (t *polledTable) render(p *poller.Pass, views []history.View, q *api.TableQuery) api.Table {
	switch {
	case t.family > 0:
		return renderMeasures(t, p, views, q)
	case t.name == scalars:
		return renderScalars(p, q)
	case t.interfaces():
		return renderInterfaces(t, p, views, q)
	}
	return t.renderPlain(p, views, q)
}

// page is the part of so many rows that q selects.
func page(q *api.TableQuery, rows int) (from, to int) {
	from = min(q.Offset, rows)
	return from, min(from+q.Limit, rows)
}

// renderPlain shows the labels of the rows, then the columns in the order of their objects.
func (t *polledTable) renderPlain(p *poller.Pass, views []history.View, q *api.TableQuery) api.Table {
	g := newGrid(p, func(d *series.Desc) bool { return slices.Contains(t.entries, entryOf(d.Object)) })
	slices.SortStableFunc(g.columns, func(a, b *gridColumn) int {
		return snmp.OID(a.desc.Object).Compare(snmp.OID(b.desc.Object))
	})
	out := api.Table{Name: t.name, Title: t.title, Total: len(g.keys), Rows: []api.TableRow{}, Columns: []api.TableColumn{}}
	names := labelNames(g)
	for _, name := range names {
		out.Columns = append(out.Columns, api.TableColumn{Name: name, Title: name})
	}
	for _, c := range g.columns {
		out.Columns = append(out.Columns, api.TableColumn{Name: c.desc.Name, Title: c.desc.Name})
	}
	extra := newTrackColumns(g, views, &out, q)
	from, to := page(q, len(g.keys))
	for row := from; row < to; row++ {
		r := api.TableRow{Key: g.keys[row]}
		labels := g.labels(row)
		for _, name := range names {
			addText(&r, labels[name])
		}
		for _, c := range g.columns {
			if v, ok := c.number(row); ok && c.text(row) == decimal(v) {
				addCell(&r, c.text(row), &v)
			} else {
				addText(&r, c.text(row))
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

func renderScalars(p *poller.Pass, q *api.TableQuery) api.Table {
	out := api.Table{Name: scalars, Title: "Scalars", Columns: []api.TableColumn{{Name: "object", Title: "Object"}, {Name: "value", Title: "Value"}}, Rows: []api.TableRow{}}
	g := newGrid(p, func(*series.Desc) bool { return true })
	for _, c := range g.columns {
		row := slices.Index(c.has, true)
		if row < 0 || g.keys[row] != "" {
			continue
		}
		r := api.TableRow{Key: c.desc.Name}
		addText(&r, c.desc.Name)
		if v := c.numbers[row]; c.text(row) == decimal(v) {
			addCell(&r, c.text(row), &v)
		} else {
			addText(&r, c.text(row))
		}
		out.Rows = append(out.Rows, r)
	}
	out.Total = len(out.Rows)
	from, to := page(q, len(out.Rows))
	out.Rows = out.Rows[from:to]
	return out
}
