package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"trapline/internal/api"
)

// muteReason is why an alarm is muted, with the path of the cause; "" if that has no page.
type muteReason struct{ Kind, Name, Path string }

// muteWords are the words for kinds of reasons in the sentence "muted: …".
var muteWords = map[string]string{"inhibit": "inhibited by", "cause": "behind", "recovery": "its cause is over, and it is asked"}

// muteOf takes a reason apart: silence ID, maintenance NAME, inhibit RULE TARGET, cause TARGET and others.
func (s *Site) muteOf(reason string) muteReason {
	kind, name, _ := strings.Cut(reason, " ")
	m := muteReason{Kind: cmp.Or(muteWords[kind], kind), Name: name}
	switch kind {
	case "silence":
		m.Path, m.Name = s.path("silences")+"#s-"+name, name[:min(len(name), 8)]
	case "maintenance":
		m.Path = s.path("silences") + "#windows"
	case "inhibit":
		m.Path = s.path("alarms") + query("q", name)
	case "cause":
		if s.source.Fleet.HasTarget(name) {
			m.Path = s.path("targets", name)
		}
	}
	return m
}

// silencesData is the page of silences and maintenance windows.
type silencesData struct {
	api.SilenceList
	Windows api.WindowList
	State   string
	From    int
	Chips   []chip
	New     api.NewSilence
	User    string

	Asked   bool        // whether New is to begin
	Matched []api.Alarm // that New would mute
	All     int         // the same
}

// maxWindows is how many maintenance windows the page shows, maxMatched how many alarms that a silence would mute.
const maxWindows, maxMatched = 100, 100

func (s *Site) silences(w http.ResponseWriter, r *http.Request) error {
	v, _, err := s.silencesView(r)
	if err != nil {
		return err
	}
	v.Notice = map[string]string{"add": "The silence has begun.", "expire": "The silence has ended."}[r.URL.Query().Get("done")]
	return s.show(w, r, "silences", v)
}

func (s *Site) silencesView(r *http.Request) (*view, *silencesData, error) {
	form := r.URL.Query()
	d := &silencesData{State: form.Get("state"), User: userOf(r), New: api.NewSilence{Matchers: form.Get("matchers"), For: "2h"}}
	d.From, _ = strconv.Atoi(form.Get("from")) // of a link of this page
	d.From = max(0, d.From)
	var err error
	if d.SilenceList, err = s.source.Console.Silences(api.SilenceQuery{State: cmp.Or(d.State, "active"), Offset: d.From, Limit: pageRows}); err != nil {
		return nil, nil, err
	}
	if d.Windows, err = s.source.Console.Windows(maxWindows); err != nil {
		return nil, nil, err
	}
	d.Chips = []chip{{Name: "Active", Count: d.Active}, {State: "pending", Name: "Pending", Count: d.Pending}, {State: "expired", Name: "Expired", Count: d.Expired}}
	for i := range d.Chips {
		d.Chips[i].Current = d.Chips[i].State == d.State
	}
	v := s.view(r, "a", "Silences", d)
	if r.Method != http.MethodGet {
		v.URL = s.path("silences") // after a form has been sent
	}
	return v, d, nil
}

// Last is the number of the last row of this page.
func (d *silencesData) Last() int { return d.From + len(d.Silences) }

// Total is how many silences of the state there are.
func (d *silencesData) Total() int {
	for _, one := range d.Chips {
		if one.Current {
			return one.Count
		}
	}
	return 0
}

// Page is the query of the page that begins with row from.
func (d *silencesData) Page(from int) string {
	return query("state", d.State, "from", start(max(0, from)))
}

// addSilence shows the alarms that a silence would mute, and begins it once that is confirmed.
func (s *Site) addSilence(w http.ResponseWriter, r *http.Request) error {
	n := api.NewSilence{Matchers: r.FormValue("matchers"), For: r.FormValue("for"), By: author(r), Comment: r.FormValue("comment"), UntilClear: r.FormValue("until_clear") != ""}
	var list []api.Alarm
	var err error
	if r.FormValue("confirm") == "" {
		list, err = s.source.Console.Matched(n)
	} else if _, err = s.source.Console.Silence(n); err == nil {
		return s.done(w, r, "add", "silences")
	}
	v, d, failure := s.silencesView(r)
	if failure != nil {
		return failure
	}
	d.New = n
	if err != nil {
		v.Failed, v.Hint = explained(err)
		return s.answer(w, r, api.HTTPStatus(err), "silences", v)
	}
	d.Asked, d.All, d.Matched = true, len(list), list[:min(len(list), maxMatched)]
	return s.show(w, r, "silence", v)
}

// expire ends a silence.
func (s *Site) expire(w http.ResponseWriter, r *http.Request) error {
	if err := s.source.Console.Expire(r.PathValue("id")); err != nil {
		return err
	}
	return s.done(w, r, "expire", "silences")
}
