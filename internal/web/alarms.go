package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"trapline/internal/api"
)

// alarmsData is the list of alarms, or with State history the journal.
type alarmsData struct {
	Text, State, Group string
	Groups             []alarmGroup
	Events             []event
	Shown, All         int
	Older              string // query of older entries of the journal
	Chips              []chip
	Groupings          []string
}

// alarmGroup are alarms with the same rule, target or label.
type alarmGroup struct {
	Name   string
	Class  string // of the worst
	Alarms []api.Alarm
}

// maxAlarms is how many alarms a page shows.
const maxAlarms = 500

func (s *Site) alarms(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	d := &alarmsData{Text: form.Get("q"), State: form.Get("state"), Group: cmp.Or(form.Get("group"), "rule"), Groupings: []string{"rule", "target", "site", "severity"}}
	var err error
	if d.State == "history" {
		err = s.history(d, form.Get("before"))
	} else {
		err = s.active(d)
	}
	if err != nil {
		return err
	}
	v := s.view(r, "a", "Alarms", d)
	d.Chips = alarmChips(v.Status, d)
	return s.show(w, r, "alarms", v)
}

// alarmChips have counts of all alarms, whatever is searched for.
func alarmChips(st *api.Status, d *alarmsData) []chip {
	open, pending := st.Alarms, st.Rules.Pending
	if d.State == "pending" && d.Text == "" {
		pending = d.All
	}
	chips := []chip{{Name: "Open", Count: open.Total, Class: alarmsClass(&open)}}
	if open.Baseline > 0 || d.State == baselineState {
		chips = append(chips, chip{State: baselineState, Name: "Baseline", Count: open.Baseline})
	}
	chips = append(chips, chip{State: "pending", Name: "Pending", Count: pending}, chip{State: "history", Name: "History", Count: -1})
	for i := range chips {
		chips[i].Current = chips[i].State == d.State
	}
	return chips
}

// baselineState selects, of the open alarms, those of baselines.
const baselineState = "baseline"

// query returns the query of the API for the alarms.
func (d *alarmsData) query() api.AlarmQuery {
	if d.State == baselineState {
		return api.AlarmQuery{Text: strings.TrimSpace(d.Text + " baseline=true")}
	}
	return api.AlarmQuery{Text: d.Text, State: d.State}
}

// API returns the query for the same alarms as JSON or CSV.
func (d *alarmsData) API(format string) string {
	q := d.query()
	return query("q", q.Text, "state", q.State, "group", d.Group, "format", format)
}

// active gathers alarms by group, the group with the worst alarm first.
func (s *Site) active(d *alarmsData) error {
	q := d.query()
	q.Group = d.Group
	list, err := s.source.Console.Alarms(q)
	if err != nil {
		return err
	}
	d.All, d.Shown = len(list), min(len(list), maxAlarms)
	at := map[string]int{}
	for _, a := range list[:d.Shown] {
		name := groupOf(&a, d.Group)
		i, known := at[name]
		if !known {
			i = len(d.Groups)
			at[name] = i
			d.Groups = append(d.Groups, alarmGroup{Name: name, Class: "warn"})
		}
		if !a.Baseline && (a.Severity == "critical" || a.Severity == "major") {
			d.Groups[i].Class = "bad"
		}
		d.Groups[i].Alarms = append(d.Groups[i].Alarms, a)
	}
	return nil
}

func groupOf(a *api.Alarm, by string) string {
	switch by {
	case "rule":
		return a.Rule
	case "target":
		return a.Target
	case "severity":
		return a.Severity
	}
	return a.Labels[by]
}

// history reads the journal, the newest first; before is the sequence number that the page ends before.
func (s *Site) history(d *alarmsData, before string) error {
	q := api.EventQuery{Text: d.Text, Limit: pageRows + 1}
	q.Before, _ = strconv.ParseUint(before, 10, 64) // of a link of this page
	list, err := s.source.Console.Events(q)
	if err != nil {
		return err
	}
	if len(list) > pageRows {
		list = list[:pageRows]
		d.Older = query("q", d.Text, "state", d.State, "before", strconv.FormatUint(list[pageRows-1].Seq, 10))
	}
	d.Events = events(list)
	return nil
}

func (s *Site) alarm(w http.ResponseWriter, r *http.Request) error {
	a, err := s.source.Console.Alarm(r.PathValue("id"))
	if err != nil {
		return err
	}
	v := s.view(r, "a", a.Rule+" "+a.Target, &struct {
		api.Alarm
		Events []event
	}{a, events(a.Life)})
	if r.URL.Query().Get("done") == "resend" {
		v.Notice = "The receivers are notified once more."
	}
	return s.show(w, r, "alarm", v)
}

func (s *Site) resend(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := s.source.Console.Resend(id); err != nil {
		return err
	}
	return s.done(w, r, "resend", "alarms", id)
}
