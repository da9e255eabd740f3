package mute

import (
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// Window is a maintenance window of the configuration at a moment.
type Window struct {
	Name     string
	Matchers Matchers
	During   []string // time intervals; empty means all the time from Begin until End
	Comment  string
	Active   bool
	Begin    time.Time // the next one; zero while it is active, or if there is none within Horizon
	End      time.Time // the next one; zero if there is none within Horizon
}

// Note is a maintenance window that has begun or ended.
type Note struct {
	Name string
	Text string // its name, matchers, end and comment, as far as the configuration has it
}

// WithNoted returns the set with the maintenance windows that the journal has as begun.
func (s *Set) WithNoted(names []string) *Set {
	c := *s
	c.noted = slices.Sorted(slices.Values(names))
	return &c
}

// Noted returns the names of the maintenance windows that the journal has as begun, sorted.
func (s *Set) Noted() []string { return s.noted }

// noteWindows notes the windows that are active, and not yet noted, or noted and not active.
func (c *Change) noteWindows(noted []string) {
	open := map[string]bool{}
	for _, one := range c.Set.active {
		if one.reason.Kind == ByMaintenance {
			open[one.reason.Name] = true
		}
	}
	names := slices.Sorted(maps.Keys(open))
	if slices.Equal(names, noted) {
		return
	}
	for _, name := range names {
		if !slices.Contains(noted, name) {
			c.Opened = append(c.Opened, c.Set.rules.note(name))
		}
	}
	for _, name := range noted {
		if !open[name] {
			c.Closed = append(c.Closed, c.Set.rules.note(name))
		}
	}
	c.Set.noted = names
}

// note describes a window in a line.
func (r *Rules) note(name string) Note {
	i := slices.IndexFunc(r.windows, func(w window) bool { return w.name == name })
	if i < 0 {
		return Note{name, name}
	}
	w := &r.windows[i]
	text := name + " " + w.matchers.String()
	if !w.to.IsZero() {
		text += " until " + w.to.UTC().Format(time.RFC3339)
	}
	if w.comment != "" {
		text += ": " + w.comment
	}
	return Note{name, text}
}

// Horizon is how far ahead the next begin and end of windows are looked for.
const Horizon = 366 * 24 * time.Hour

// Windows returns the maintenance windows at a moment, in the order of the configuration, and at most limit of them.
func (s *Set) Windows(now time.Time, limit int) (list []Window) {
	for i := range s.rules.windows[:min(limit, len(s.rules.windows))] {
		w := &s.rules.windows[i]
		one := Window{Name: w.name, Matchers: w.matchers, During: w.during, Comment: w.comment, Active: s.rules.open(w, now)}
		from := now
		if !one.Active {
			one.Begin = s.rules.next(w, now, true)
			from = one.Begin
		}
		if !from.IsZero() {
			one.End = s.rules.next(w, from, false)
		}
		list = append(list, one)
	}
	return list
}

// Open returns the names of the maintenance windows that are open, in the order of the configuration.
func (s *Set) Open() (names []string) {
	for _, one := range s.active {
		if one.reason.Kind == ByMaintenance {
			names = append(names, one.reason.Name)
		}
	}
	return names
}

// Maintained returns the targets of which an open maintenance window mutes alarms like one, with the name of the window.
func (s *Set) Maintained(like alarm.Alarm) map[string]string {
	of := map[string]string{}
	for _, one := range s.active {
		if one.reason.Kind != ByMaintenance {
			continue
		}
		for target := range s.rules.targets.all() {
			if like.Target = target; of[target] == "" && s.Labels(&like).Match(one.matchers) {
				of[target] = one.reason.Name
			}
		}
	}
	return of
}

// NumWindows returns the number of maintenance windows.
func (s *Set) NumWindows() int { return len(s.rules.windows) }

// open reports whether a window is open at a moment.
func (r *Rules) open(w *window, at time.Time) bool {
	open := map[string]bool{}
	for _, name := range w.during {
		open[name] = r.contains(name, at)
	}
	return w.active(at, open)
}

// next returns the first moment after another at which a window is open, or is not; zero if there is none within
// Horizon.
func (r *Rules) next(w *window, after time.Time, open bool) time.Time {
	for _, at := range []time.Time{w.from, w.to} {
		if len(w.during) == 0 && at.After(after) && r.open(w, at) == open {
			return at
		}
	}
	if len(w.during) == 0 {
		return time.Time{}
	}
	for day := after; day.Before(after.Add(Horizon)); day = day.Add(24 * time.Hour) {
		for _, at := range r.moments(w, day, day.Add(24*time.Hour)) {
			if at.After(after) && r.open(w, at) == open {
				return at
			}
		}
	}
	return time.Time{}
}

// moments are those of a day, from any time of it, at which a window may begin or end, in order.
func (r *Rules) moments(w *window, from, to time.Time) (list []time.Time) {
	add := func(at time.Time) {
		if !at.Before(from) && !at.After(to) {
			list = append(list, at)
		}
	}
	add(w.from)
	add(w.to)
	for _, name := range w.during {
		for i := range r.intervals[name] {
			t, zone := &r.intervals[name][i], time.UTC
			if t.Location != nil {
				zone = t.Location.Location
			}
			_, jump := from.In(zone).ZoneBounds() // of the clock, maybe over a begin
			add(jump)
			y, m, d := from.In(zone).Date()
			for day := d; day <= d+1; day++ {
				add(time.Date(y, m, day, 0, 0, 0, 0, zone))
				for _, of := range t.Times {
					add(time.Date(y, m, day, 0, of.StartMinute, 0, 0, zone))
					add(time.Date(y, m, day, 0, of.EndMinute, 0, 0, zone))
				}
			}
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}
