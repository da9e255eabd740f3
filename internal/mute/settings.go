package mute

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"trapline/internal/setting"
)

// Interval is an entry of `time_intervals`, as Alertmanager's.
type Interval struct {
	Name    string   `yaml:"name"`           // by which maintenance and receivers refer to it
	Periods []Period `yaml:"time_intervals"` // any of which contains the time
}

// Period is a period of an interval: all that is set must contain the time.
type Period struct {
	Times       []Times  `yaml:"times,omitempty" json:"times,omitempty"`                 // times of the day
	Weekdays    []string `yaml:"weekdays,omitempty" json:"weekdays,omitempty"`           // such as monday:friday
	DaysOfMonth []string `yaml:"days_of_month,omitempty" json:"days_of_month,omitempty"` // such as 1:7; -1 is the last day
	Months      []string `yaml:"months,omitempty" json:"months,omitempty"`               // such as december or 1:3
	Years       []string `yaml:"years,omitempty" json:"years,omitempty"`                 // such as 2026:2028
	Location    string   `yaml:"location,omitempty" json:"location,omitempty"`           // time zone, such as Europe/Berlin; default UTC
}

// Times are the times of a day from a begin to an end.
type Times struct {
	Start string `yaml:"start_time" json:"start_time"` // as in 09:00
	End   string `yaml:"end_time" json:"end_time"`     // as in 17:30, up to 24:00; not part of it
}

// interval returns the period as Alertmanager has it.
func (p *Period) interval() (t timeinterval.TimeInterval, err error) {
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	return t, err
}

// Problems returns the errors in the interval.
func (i *Interval) Problems() []setting.Problem {
	var m setting.Problems
	if i.Name == "" {
		m.Add("", "a time interval needs a name")
	}
	if len(i.Periods) == 0 {
		m.Add("", "a time interval needs time_intervals, as in [{weekdays: ['monday:friday']}]")
	}
	for n := range i.Periods {
		at := fmt.Sprintf("time_intervals[%d]", n)
		for _, problem := range i.Periods[n].problems() {
			m.Add(strings.TrimSuffix(at+"."+problem.Path, "."), "%s", problem.Text)
		}
	}
	return m
}

// WindowSettings is an entry of `maintenance`: alarms that begin then are not sent.
type WindowSettings struct {
	Name     string       `yaml:"name"`              // such as the number of the change
	Matchers []string     `yaml:"matchers"`          // of alarms, as in 'site="berlin"'; all must match
	During   []string     `yaml:"during,omitempty"`  // time intervals, any of which contains the time; default all the time
	From     setting.Time `yaml:"from,omitempty"`    // when it begins, as in 2026-12-01T00:00:00Z
	Until    setting.Time `yaml:"until,omitempty"`   // when it ends
	Comment  string       `yaml:"comment,omitempty"` // why
	Poll     *bool        `yaml:"poll,omitempty"`    // false: targets that match are not polled, and their alarms stay as they are; default true
}

// Problems returns the errors in the settings.
func (w *WindowSettings) Problems() []setting.Problem {
	var m setting.Problems
	if w.Name == "" {
		m.Add("", "a maintenance window needs a name")
	}
	if len(w.Matchers) == 0 {
		m.Add("", `a maintenance window needs matchers, as in ['site="berlin"']`)
	}
	for i, text := range w.Matchers {
		if _, err := Parse(text); err != nil {
			m.Add(fmt.Sprintf("matchers[%d]", i), "%v", err)
		}
	}
	m = append(m, w.pauseProblems()...)
	if len(w.During) == 0 && w.From.IsZero() && w.Until.IsZero() {
		m.Add("", "a maintenance window needs during, from or until: without them it never ends")
	}
	if !w.Until.IsZero() && !w.From.Before(w.Until.Time) {
		m.Add("until", "it is not after from: write a later time")
	}
	return m
}

// Labels returns the names of the labels that the matchers compare.
func (w *WindowSettings) Labels() []string {
	m, err := ParseAll(w.Matchers)
	if err != nil {
		return nil // it is reported
	}
	return LabelsOf(m)
}

// LabelsOf returns the names of the labels that matchers compare, but for resource, which every alarm may have.
func LabelsOf(m Matchers) (names []string) {
	for _, one := range m {
		if one.Name != "resource" {
			names = append(names, one.Name)
		}
	}
	return names
}

// CheckNames returns the error of a list of names of intervals, "" if all are known.
func CheckNames(names []string, known []Interval) (index int, text string) {
	var all []string
	for i := range known {
		all = append(all, known[i].Name)
	}
	for i, name := range names {
		if !slices.Contains(all, name) {
			text := fmt.Sprintf("there is no time interval %q", name)
			if question := setting.DidYouMean(name, all); question != "" {
				return i, text + ": " + question
			}
			return i, text + ": write it in time_intervals"
		}
	}
	return 0, ""
}

// Rules are the mutes of the configuration.
type Rules struct {
	intervals map[string][]timeinterval.TimeInterval
	windows   []window
	targets   layers[map[string]string] // labels of targets
	pauses    layers[[]*window]         // those in which a target is not polled, by its name

	Flap  *FlapSettings  // nil: alarms may come and go
	Storm *StormSettings // nil: there are no storms
}

// window is a maintenance window.
type window struct {
	name     string
	matchers Matchers
	during   []string
	from, to time.Time // zero means without limit
	comment  string
	pauses   bool // targets are not polled
}

// NewRules returns the rules of settings without Problems, and the labels of targets.
func NewRules(intervals []Interval, windows []WindowSettings, targets map[string]map[string]string) (*Rules, error) {
	r := &Rules{intervals: map[string][]timeinterval.TimeInterval{}}
	for i := range intervals {
		for n := range intervals[i].Periods {
			t, err := intervals[i].Periods[n].interval()
			if err != nil {
				return nil, err
			}
			r.intervals[intervals[i].Name] = append(r.intervals[intervals[i].Name], t)
		}
	}
	for i := range windows {
		w := &windows[i]
		m, err := Parse(strings.Join(w.Matchers, ","))
		if err != nil {
			return nil, err
		}
		r.windows = append(r.windows, window{w.Name, m, w.During, w.From.Time, w.Until.Time, w.Comment, w.Poll != nil && !*w.Poll})
	}
	r.setTargets(targets)
	return r, nil
}

// in returns the names of the intervals that contain a moment.
func (r *Rules) in(now time.Time) map[string]bool {
	open := map[string]bool{}
	for name := range r.intervals {
		if r.contains(name, now) {
			open[name] = true
		}
	}
	return open
}

// contains reports whether an interval contains a moment.
func (r *Rules) contains(name string, at time.Time) bool {
	return slices.ContainsFunc(r.intervals[name], func(t timeinterval.TimeInterval) bool { return t.ContainsTime(at.UTC()) })
}

// active reports whether a window is open at a moment. open are the intervals that contain it.
func (w *window) active(now time.Time, open map[string]bool) bool {
	switch {
	case now.Before(w.from), !w.to.IsZero() && !now.Before(w.to):
		return false
	}
	return len(w.during) == 0 || slices.ContainsFunc(w.during, func(name string) bool { return open[name] })
}
