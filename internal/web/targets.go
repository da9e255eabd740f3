package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/api"
)

// pageRows is how many rows a page of a list has.
const pageRows = 100

// targetsData is a page of the list of targets.
type targetsData struct {
	api.TargetList
	Text, State, Sort string
	From              int
	All               int  // targets of the configuration
	Kinds             bool // the kind of a target is known
	Columns           []column
	Chips             []chip
}

// column is a heading of a list.
type column struct {
	Title string
	Right bool
	Sort  string // the sort key of a click; "" for none
	Aria  string // ascending, descending or ""
}

// chip is a link that narrows a list to a state.
type chip struct {
	State, Name string
	Count       int
	Class       string
	Current     bool
}

func (s *Site) targets(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	data := &targetsData{Text: form.Get("q"), State: form.Get("state"), Sort: form.Get("sort")}
	data.From, _ = strconv.Atoi(form.Get("from"))
	data.From = max(0, data.From)
	var err error
	if data.TargetList, err = s.source.Fleet.Targets(api.TargetQuery{Text: data.query(), Sort: data.Sort, Limit: pageRows, Offset: data.From}); err != nil {
		return err
	}
	v := s.view(r, "t", "Targets", data)
	if form.Get("done") == "poll" {
		v.Notice = "The targets were polled."
	}
	data.All = v.Status.Targets.Total
	data.Kinds = slices.ContainsFunc(data.Targets, func(t api.TargetSummary) bool { return t.Kind != "" })
	data.Columns, data.Chips = targetColumns(data.Sort, data.Kinds), targetChips(&data.Counts, data.State)
	return s.show(w, r, "targets", v)
}

// targetColumns are the headings, marked by which column the list is sorted. A click on a column of numbers shows
// the greatest first, a second click the least.
func targetColumns(sort string, kinds bool) []column {
	columns := []column{
		{Title: "State", Sort: "state"}, {Title: "Target", Sort: "name"}, {Title: "Kind"}, {Title: "Last 60 polls"},
		{Title: "Last", Right: true, Sort: "-age"}, {Title: "Poll", Right: true, Sort: "-duration"}, {Title: "RTT", Right: true, Sort: "-rtt"},
		{Title: "Loss", Right: true, Sort: "-loss"}, {Title: "Window", Right: true}, {Title: "Series", Right: true, Sort: "-series"},
		{Title: "Alarms", Right: true, Sort: "-alarms"}, {Title: "Problem"},
	}
	if !kinds {
		columns = slices.DeleteFunc(columns, func(c column) bool { return c.Title == "Kind" })
	}
	if sort == "" {
		columns[0].Aria = "descending" // worst first
	}
	for i := range columns {
		c := &columns[i]
		if c.Sort == "" || strings.TrimPrefix(c.Sort, "-") != strings.TrimPrefix(sort, "-") {
			continue
		}
		c.Aria, c.Sort = "ascending", "-"+strings.TrimPrefix(sort, "-")
		if strings.HasPrefix(sort, "-") {
			c.Aria, c.Sort = "descending", strings.TrimPrefix(sort, "-")
		}
	}
	return columns
}

func targetChips(c *api.TargetCounts, state string) []chip {
	chips := []chip{
		{Name: "All", Count: c.Total}, {State: "up", Name: "Up", Count: c.Up},
		{State: "partial", Name: "Partial", Count: c.Partial, Class: "warn"},
		{State: "down", Name: "Down", Count: c.Down, Class: "bad"}, {State: "waiting", Name: "Waiting", Count: c.Waiting},
	}
	if c.Unknown > 0 || state == "unknown" {
		chips = append(chips, chip{State: "unknown", Name: "Unknown", Count: c.Unknown, Class: "warn"})
	}
	for i := range chips {
		chips[i].Current = chips[i].State == state
		if chips[i].Count == 0 {
			chips[i].Class = ""
		}
	}
	return chips
}

// API returns the query for the same rows as JSON or CSV.
func (d *targetsData) API(format string) string {
	return query("q", d.query(), "sort", d.Sort, "format", format)
}

// query is the text by which the API selects the targets.
func (d *targetsData) query() string {
	if d.State == "" {
		return d.Text
	}
	return strings.TrimSpace(d.Text + " state=" + d.State)
}

// Page is the query of the page that begins with row from.
func (d *targetsData) Page(from int) string {
	return query("q", d.Text, "state", d.State, "sort", d.Sort, "from", start(from))
}

// start is the parameter of the first row of a page, which the first page does not need.
func start(from int) string {
	if from == 0 {
		return ""
	}
	return strconv.Itoa(from)
}

// First is the number of the first row of this page.
func (d *targetsData) First() int { return d.From + 1 }

// Last is the number of the last row of this page.
func (d *targetsData) Last() int { return d.From + len(d.Targets) }

// Previous is the row that the page before this one begins with.
func (d *targetsData) Previous() int { return max(0, d.From-pageRows) }

// Label returns the labels of a target in few words: of site alone the value.
func (*targetsData) Label(labels map[string]string) string {
	if site := labels["site"]; site != "" {
		return site
	}
	for name, value := range labels {
		if len(labels) == 1 {
			return name + "=" + value
		}
	}
	return ""
}
