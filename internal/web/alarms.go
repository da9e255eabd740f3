package web

import (
	"cmp"
	"net/http"
	"strconv"

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
	v := s.view(r, "a", "Alarms", d)
	var err error
	if d.State == "history" {
		err = s.history(d, form.Get("before"))
	} else {
		err = s.active(d)
	}
	if err != nil {
		return err
	}
	counts := v.Status.Alarms
	d.Chips = []chip{
		{Name: "Open", Count: counts.Total, Class: "bad", Current: d.State == ""},
		{State: "pending", Name: "Pending", Count: v.Status.Rules.Pending, Current: d.State == "pending"},
		{State: "history", Name: "History", Count: -1, Current: d.State == "history"},
	}
	return s.show(w, r, "alarms", v)
}

// active gathers alarms by group, the group with the worst alarm first.
func (s *Site) active(d *alarmsData) error {
	list, err := s.source.Alarms(api.AlarmQuery{Text: d.Text, State: d.State, Group: d.Group})
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
		if a.Severity == "critical" || a.Severity == "major" {
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
	list, err := s.source.Events(q)
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
	a, err := s.source.Alarm(r.PathValue("id"))
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
	if err := s.source.Resend(id); err != nil {
		return err
	}
	return s.done(w, r, "resend", "alarms", id)
}
