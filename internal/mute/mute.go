// Package mute computes why alarms are muted: by silences, and by maintenance windows of the configuration. Nothing that
// it computes is stored, so that no restart loses or invents a reason. It has no clock, disk or network.
package mute

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/alarm"
)

// Kind is the kind of a reason.
type Kind string

// The kinds of reasons.
const (
	BySilence     Kind = "silence"
	ByMaintenance Kind = "maintenance"
	ByInhibition  Kind = "inhibit"
	ByCause       Kind = "cause"    // the device is behind another one that is down
	BySettling    Kind = "settling" // the devices by which it is reached are asked, or it is once more
	ByRecovery    Kind = "recovery" // its cause is over, and it is asked
)

// Reason is a reason why an alarm is neither raised nor changed.
type Reason struct {
	Kind Kind
	Name string // ID of the silence, name of the window or of the alarm that inhibits
}

func (r Reason) String() string { return strings.TrimSpace(string(r.Kind) + " " + r.Name) }

// source is a reason that applies at a moment, and the alarms that it mutes.
type source struct {
	reason   Reason
	matchers Matchers
}

// Set has everything that may mute alarms, and the sources that do so at a moment. It is immutable.
type Set struct {
	silences map[string]*Silence
	rules    *Rules
	unrest   *unrest  // nil if nothing was raised
	noted    []string // names of the maintenance windows that the journal has as begun, sorted

	at, next time.Time // next is when a source begins or ends, or a silence is too old
	active   []*source
	open     map[string]bool                 // the time intervals that contain the moment
	byLabel  map[string]map[string][]*source // those with an equality matcher, by name and value of its label
	others   []*source
	watched  []*Silence // active ones that end with the alarms that they match
}

// NewSet returns a set before any moment: nothing mutes.
func NewSet(silences map[string]*Silence, r *Rules) *Set {
	if silences == nil {
		silences = map[string]*Silence{}
	}
	if r == nil {
		r = &Rules{}
	}
	return &Set{silences: silences, rules: r}
}

// Due reports whether a source begins or ends, or a silence is too old, at a moment.
func (s *Set) Due(now time.Time) bool { return now.Before(s.at) || !now.Before(s.next) }

// Silence returns a silence by ID, or nil.
func (s *Set) Silence(id string) *Silence { return s.silences[id] }

// Silences returns all silences, the last to end first.
func (s *Set) Silences() []*Silence {
	return slices.SortedFunc(maps.Values(s.silences), func(a, b *Silence) int {
		return cmp.Or(b.EndsAt.Compare(a.EndsAt), cmp.Compare(a.ID, b.ID))
	})
}

// Len returns the number of silences.
func (s *Set) Len() int { return len(s.silences) }

// with returns the set with changed silences at a moment; nil deletes a silence.
func (s *Set) with(changed map[string]*Silence, now time.Time) *Set {
	c := &Set{silences: s.silences, rules: s.rules, unrest: s.unrest, noted: s.noted, at: now, next: now.Add(Retention), open: s.rules.in(now), byLabel: map[string]map[string][]*source{}}
	if len(changed) > 0 {
		c.silences = maps.Clone(s.silences)
		maps.Copy(c.silences, changed)
		maps.DeleteFunc(c.silences, func(_ string, one *Silence) bool { return one == nil })
	}
	for id, one := range c.silences {
		c.until(one.StartsAt, one.EndsAt, one.EndsAt.Add(Retention+time.Second))
		if one.StateAt(now) == Active {
			c.add(&source{Reason{BySilence, id}, one.Matchers})
			if one.UntilClear() {
				c.watched = append(c.watched, one)
			}
		}
	}
	for i := range c.rules.windows {
		w := &c.rules.windows[i]
		c.until(w.from, w.to)
		if w.active(now, c.open) {
			c.add(&source{Reason{ByMaintenance, w.name}, w.matchers})
		}
	}
	if len(c.rules.intervals) > 0 {
		c.until(now.Truncate(time.Minute).Add(time.Minute)) // of a time interval, which has whole minutes
	}
	return c
}

// until sets next to the first of several moments that lie ahead.
func (s *Set) until(moments ...time.Time) {
	for _, t := range moments {
		if t.After(s.at) && t.Before(s.next) {
			s.next = t
		}
	}
}

func (s *Set) add(one *source) {
	s.active = append(s.active, one)
	m := equality(one.matchers)
	if m == nil {
		s.others = append(s.others, one)
		return
	}
	if s.byLabel[m.Name] == nil {
		s.byLabel[m.Name] = map[string][]*source{}
	}
	s.byLabel[m.Name][m.Value] = append(s.byLabel[m.Name][m.Value], one)
}

// each calls f for each source that mutes an alarm, until f returns false.
func (s *Set) each(l Labels, f func(*source) bool) {
	try := func(list []*source) bool {
		for _, one := range list {
			if l.Match(one.matchers) && !f(one) {
				return false
			}
		}
		return true
	}
	for name, values := range s.byLabel {
		if value := l.Get(name); value != "" && !try(values[value]) {
			return
		}
	}
	try(s.others)
}

// Muted reports whether an alarm is muted.
func (s *Set) Muted(a *alarm.Alarm) bool { return s.Silenced(a) || s.Unrest(a) }

// Silenced reports whether a silence or maintenance mutes an alarm.
func (s *Set) Silenced(a *alarm.Alarm) (muted bool) {
	if len(s.active) > 0 {
		s.each(s.Labels(a), func(*source) bool { muted = true; return false })
	}
	return muted
}

// Unrest reports whether an alarm is muted because it comes and goes, or by a storm.
func (s *Set) Unrest(a *alarm.Alarm) bool { return len(s.unrestReasons(a)) > 0 }

// Reasons returns why an alarm is muted, sorted.
func (s *Set) Reasons(a *alarm.Alarm) (list []Reason) {
	list = s.unrestReasons(a)
	if len(s.active) > 0 {
		s.each(s.Labels(a), func(one *source) bool { list = append(list, one.reason); return true })
	}
	slices.SortFunc(list, func(a, b Reason) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

// Labels returns the labels of an alarm that matchers compare.
func (s *Set) Labels(a *alarm.Alarm) Labels {
	return Labels{Alarm: a, Target: s.rules.targets.get(a.Target)}
}

// SameTargets reports whether targets have the same labels in another set.
func (s *Set) SameTargets(other *Set) bool { return s.rules == other.rules }

// Closed returns the time interval because of which a receiver is not notified, "" if it is: one of mute contains the
// moment, or none of active does.
func (s *Set) Closed(active, mute []string) string {
	for _, name := range mute {
		if s.open[name] {
			return name
		}
	}
	if len(active) == 0 || slices.ContainsFunc(active, func(name string) bool { return s.open[name] }) {
		return ""
	}
	return "outside " + strings.Join(active, ", ")
}

// Difference has the sources that begin or end between two sets.
type Difference struct {
	sets      [2]*Set
	Intervals bool // time intervals begin or end
}

// Since returns the difference between an earlier set and this one.
func (s *Set) Since(before *Set) *Difference {
	d := &Difference{Intervals: !maps.Equal(s.open, before.open)}
	for i, pair := range [][2]*Set{{before, s}, {s, before}} {
		d.sets[i] = &Set{rules: pair[0].rules, unrest: pair[0].unrest.without(pair[1].unrest), byLabel: map[string]map[string][]*source{}}
		others := map[Reason]*source{}
		for _, one := range pair[1].active {
			others[one.reason] = one
		}
		for _, one := range pair[0].active {
			if other := others[one.reason]; other == nil || !slices.Equal(one.matchers, other.matchers) && one.matchers.String() != other.matchers.String() {
				d.sets[i].add(one)
			}
		}
	}
	return d
}

// Empty reports whether no source begins or ends.
func (d *Difference) Empty() bool {
	return len(d.sets[0].active)+len(d.sets[1].active) == 0 && !d.sets[0].unrest.mutes() && !d.sets[1].unrest.mutes()
}

// Affects reports whether the reasons of an alarm may differ.
func (d *Difference) Affects(a *alarm.Alarm) bool { return d.sets[0].Muted(a) || d.sets[1].Muted(a) }
