// Package mute computes why alarms are muted: by silences, and by maintenance windows of the configuration. Nothing that
// it computes is stored, so that no restart loses or invents a reason. It has no clock, disk or network.
package mute

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// Kind is the kind of a reason.
type Kind string

// The kinds of reasons.
const (
	BySilence     Kind = "silence"
	ByMaintenance Kind = "maintenance"
)

// Reason is a reason why an alarm is neither raised nor changed.
type Reason struct {
	Kind Kind
	Name string // ID of the silence, name of the window
}

func (r Reason) String() string { return string(r.Kind) + " " + r.Name }

// source is a reason that applies at a moment, and the alarms that it mutes.
type source struct {
	reason   Reason
	matchers Matchers
}

// Set has everything that may mute alarms, and what does so at a moment. It is immutable.
type Set struct {
	silences map[string]*Silence
	at, next time.Time // next is when a source begins or ends, or a silence is too old
	active   []*source
	byLabel  map[string]map[string][]*source // those with an equality matcher, by name and value of its label
	others   []*source
}

// NewSet returns a set of silences before any moment: none is active.
func NewSet(silences map[string]*Silence) *Set { return &Set{silences: silences} }

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

// With returns the set with changed silences at a moment; nil deletes a silence.
func (s *Set) With(changed map[string]*Silence, now time.Time) *Set {
	c := *s
	c.silences = maps.Clone(s.silences)
	for id, one := range changed {
		if one == nil {
			delete(c.silences, id)
		} else {
			c.silences[id] = one
		}
	}
	return c.At(now)
}

// At returns the set at a moment.
func (s *Set) At(now time.Time) *Set {
	c := *s
	c.at, c.next = now, now.Add(Retention)
	c.active, c.byLabel, c.others = nil, map[string]map[string][]*source{}, nil
	for _, id := range slices.Sorted(maps.Keys(s.silences)) {
		one := s.silences[id]
		for _, t := range []time.Time{one.StartsAt, one.EndsAt, one.EndsAt.Add(Retention + time.Second)} {
			if t.After(now) && t.Before(c.next) {
				c.next = t
			}
		}
		if one.StateAt(now) == Active {
			c.add(&source{Reason{BySilence, id}, one.Matchers})
		}
	}
	return &c
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
func (s *Set) Muted(a *alarm.Alarm) (muted bool) {
	if len(s.active) > 0 {
		s.each(s.Labels(a), func(*source) bool { muted = true; return false })
	}
	return muted
}

// Reasons returns why an alarm is muted, sorted.
func (s *Set) Reasons(a *alarm.Alarm) (list []Reason) {
	if len(s.active) == 0 {
		return nil
	}
	s.each(s.Labels(a), func(one *source) bool { list = append(list, one.reason); return true })
	slices.SortFunc(list, func(a, b Reason) int { return cmp.Compare(a.String(), b.String()) })
	return list
}

// Labels returns the labels of an alarm that matchers compare.
func (s *Set) Labels(a *alarm.Alarm) Labels { return Labels{Alarm: a} }

// Difference has the sources that begin or end between two sets.
type Difference struct{ sets [2]*Set }

// Since returns the difference between an earlier set and this one.
func (s *Set) Since(before *Set) *Difference {
	d := &Difference{}
	for i, pair := range [][2]*Set{{before, s}, {s, before}} {
		d.sets[i] = &Set{byLabel: map[string]map[string][]*source{}}
		others := map[Reason]*source{}
		for _, one := range pair[1].active {
			others[one.reason] = one
		}
		for _, one := range pair[0].active {
			if other := others[one.reason]; other == nil || !slices.Equal(one.matchers, other.matchers) {
				d.sets[i].add(one)
			}
		}
	}
	return d
}

// Empty reports whether nothing begins or ends.
func (d *Difference) Empty() bool { return len(d.sets[0].active)+len(d.sets[1].active) == 0 }

// Affects reports whether the reasons of an alarm may differ.
func (d *Difference) Affects(a *alarm.Alarm) bool { return d.sets[0].Muted(a) || d.sets[1].Muted(a) }
