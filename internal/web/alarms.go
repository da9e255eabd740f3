package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
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
	Listens            bool // traps are received
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
	d.Listens = len(s.received(0).Listens) > 0
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
	for i, n := range []int{open.Active, open.Muted, open.Acknowledged} {
		chips = append(chips, chip{State: flagStates[i].state, Name: flagStates[i].name, Count: n})
	}
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

// flagStates select some of the open alarms, by terms of the API.
var flagStates = []struct{ state, name, terms string }{
	{"active", "Active", "muted=false acknowledged=false baseline=false"},
	{"muted", "Muted", "muted=true"},
	{"acknowledged", "Acknowledged", "acknowledged=true"},
	{baselineState, "Baseline", "baseline=true"},
}

// query returns the query of the API for the alarms.
func (d *alarmsData) query() api.AlarmQuery {
	for _, of := range flagStates {
		if d.State == of.state {
			return api.AlarmQuery{Text: strings.TrimSpace(d.Text + " " + of.terms)}
		}
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

// history reads the journal, the newest first, from a cursor on.
func (s *Site) history(d *alarmsData, cursor string) error {
	page, err := s.source.Console.History(api.EventQuery{Text: d.Text, Limit: pageRows, Cursor: cursor})
	if err != nil {
		return err
	}
	if page.Cursor != "" {
		d.Older = query("q", d.Text, "state", d.State, "before", page.Cursor)
	}
	d.Events = events(page.Entries)
	return nil
}

// alarmData is one alarm, and the user who looks at it.
type alarmData struct {
	api.Alarm
	Events  []event
	User    string
	HasRule bool // its rule is on the page of rules: senders and trap rules have others
}

// Similar are matchers of the alarms of the same rule and target.
func (d *alarmData) Similar() string {
	return fmt.Sprintf("alertname=%q, target=%q", d.Rule, d.Target)
}

func (s *Site) alarm(w http.ResponseWriter, r *http.Request) error {
	a, err := s.source.Console.Alarm(r.PathValue("id"))
	if err != nil {
		return err
	}
	rules, err := s.source.Console.Rules()
	if err != nil {
		return err
	}
	has := slices.ContainsFunc(rules, func(rule api.Rule) bool { return rule.Name == a.Rule })
	v := s.view(r, "a", a.Rule+" "+a.Target, &alarmData{a, events(a.Life), userOf(r), has})
	v.Notice = alarmNotices[r.URL.Query().Get("done")]
	return s.show(w, r, "alarm", v)
}

// alarmNotices are the effects of actions on an alarm.
var alarmNotices = map[string]string{
	"resend": "The receivers are notified once more.", "ack": "The alarm is acknowledged.", "unack": "The acknowledgement is withdrawn.", "silence": "The alarm is silenced.",
	"clear": "The alarm is cleared.",
}

func (s *Site) resend(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := s.source.Console.Resend(id); err != nil {
		return err
	}
	return s.done(w, r, "resend", "alarms", id)
}

func (s *Site) acknowledge(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	ack := api.Ack{By: author(r), Comment: r.FormValue("comment"), Until: r.FormValue("until"), Sticky: r.FormValue("sticky") != ""}
	if err := s.source.Console.Acknowledge(id, ack); err != nil {
		return err
	}
	return s.done(w, r, "ack", "alarms", id)
}

func (s *Site) unacknowledge(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := s.source.Console.Unacknowledge(id); err != nil {
		return err
	}
	return s.done(w, r, "unack", "alarms", id)
}

// silenceAlarm silences one alarm.
func (s *Site) silenceAlarm(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if _, err := s.source.Console.Silence(api.NewSilence{Alarm: id, For: r.FormValue("for"), By: author(r), Comment: r.FormValue("comment")}); err != nil {
		return err
	}
	return s.done(w, r, "silence", "alarms", id)
}

// clearData is an alarm that is about to be cleared.
type clearData struct {
	api.Alarm
	By, Comment string
}

// clear shows the alarm, and clears it once that is confirmed.
func (s *Site) clear(w http.ResponseWriter, r *http.Request) error {
	id, by := r.PathValue("id"), api.Clear{By: author(r), Comment: r.FormValue("comment")}
	if r.FormValue("confirm") == "" {
		a, err := s.source.Console.Alarm(id)
		if err != nil {
			return err
		}
		return s.show(w, r, "clear", s.view(r, "a", "Clear", &clearData{a, by.By, by.Comment}))
	}
	if err := s.source.Console.Clear(id, by); err != nil {
		return err
	}
	return s.done(w, r, "clear", "alarms", id)
}

// userOf is the user whom the request names, "" if it names none.
func userOf(r *http.Request) string {
	user, _, _ := r.BasicAuth()
	return user
}

// author is who acts: the user of the request, or the name in the form.
func author(r *http.Request) string { return cmp.Or(userOf(r), strings.TrimSpace(r.FormValue("by"))) }
