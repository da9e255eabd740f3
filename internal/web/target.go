package web

import (
	"net/http"
	"slices"
	"strconv"

	"trapline/internal/api"
)

// targetData is the page of a target.
type targetData struct {
	api.Target
	Table   *tableView  // nil where none is chosen, or there is none
	Chosen  string      // name of the table, or all
	Open    []api.Alarm // the worst of its alarms
	Partial []api.Problem
	From    int    // the first row of the table that is shown
	base    string // path of the page
}

// tabs is how many tables have a tab of their own.
const tabs = 7

func (s *Site) target(w http.ResponseWriter, r *http.Request) error {
	v, err := s.targetView(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("done") == "poll" {
		v.Notice = "The target was polled."
	}
	return s.show(w, r, "target", v)
}

// targetView returns the view of the page of a target.
func (s *Site) targetView(r *http.Request) (*view, error) {
	name := r.PathValue("name")
	open, err := s.source.Console.Alarms(api.AlarmQuery{Text: "target=" + quoted(name), Limit: pageRows})
	if err != nil {
		return nil, err
	}
	t, err := s.source.Fleet.Target(name)
	if err != nil {
		return nil, err
	}
	d := &targetData{Target: t, Open: open, Chosen: r.URL.Query().Get("t"), base: s.path("targets", name)}
	d.From, _ = strconv.Atoi(r.URL.Query().Get("from"))
	d.From = max(0, d.From)
	for _, p := range t.Problems {
		if t.State != api.Down || p.Table != "" {
			d.Partial = append(d.Partial, p)
		}
	}
	if d.Chosen == "" && len(t.Tables) > 0 {
		d.Chosen = t.Tables[0].Name
	}
	if slices.ContainsFunc(t.Tables, func(n api.TableName) bool { return n.Name == d.Chosen }) {
		table, err := s.source.Fleet.TableOf(api.TableQuery{Target: name, Table: d.Chosen, Rates: true, History: true, Limit: pageRows, Offset: d.From})
		if err != nil {
			return nil, err
		}
		d.Table = newTableView(table, r.URL.Query().Get("row"))
	}
	return s.view(r, "t", name, d), nil
}

// Tabs are the tables that have a tab: the first ones and the chosen one.
func (d *targetData) Tabs() []api.TableName {
	if len(d.Tables) <= tabs {
		return d.Tables
	}
	shown := slices.Clone(d.Tables[:tabs])
	for _, t := range d.Tables[tabs:] {
		if t.Name == d.Chosen {
			shown = append(shown, t)
		}
	}
	return shown
}

// URL is the page with a table, and of its row the chart.
func (d *targetData) URL(table, row string) string {
	if table != d.Chosen {
		return d.base + query("t", table, "row", row)
	}
	return d.base + query("t", table, "row", row, "from", start(d.From))
}

// Rows is the page with the rows of the table from one on.
func (d *targetData) Rows(from int) string { return d.base + query("t", d.Chosen, "from", start(from)) }

// Last is how many rows lie before the end of those shown.
func (d *targetData) Last() int { return d.From + len(d.Table.Rows) }

// Previous is the row that the page before this one begins with.
func (d *targetData) Previous() int { return max(0, d.From-pageRows) }

// Replies counts the complete and the partial polls of the last ones.
func (d *targetData) Replies() int {
	n := 0
	for _, c := range d.Outcomes {
		if c == 'u' || c == 'p' {
			n++
		}
	}
	return n
}
