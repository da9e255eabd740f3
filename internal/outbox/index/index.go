// Package index has the active alarms of an outbox, and what their receivers know, and finds them: by condition, place, cause,
// target and shard. It decides nothing.
package index

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
	"trapline/internal/outbox/downs"
	"trapline/internal/outbox/shards"
)

// Index has the active alarms and the views of places. Others may read its fields; its methods change them.
type Index struct {
	Active  map[string]*alarm.State         // by key; the alarms in it do not change
	Size    int                             // of all of them
	Sources map[string]string               // their keys, by source of their conditions
	Members map[alarm.Place]map[string]bool // keys of those of a place
	Views   map[alarm.Place]*alarm.View
	Unknown map[alarm.Place]bool // places for which an event was given up
	Causes  *cause.Index
	Downs   downs.Index

	shards     *shards.Set
	inhibitors inhibitors
}

// New returns an index without alarms. The set notes where alarms and views lie; it is nil without a cluster.
func New(s *shards.Set) *Index {
	return &Index{
		Active: map[string]*alarm.State{}, Sources: map[string]string{}, Members: map[alarm.Place]map[string]bool{},
		Views: map[alarm.Place]*alarm.View{}, Unknown: map[alarm.Place]bool{}, shards: s,
	}
}

// Put stores an alarm, or deletes it if s is nil.
func (x *Index) Put(key string, s *alarm.State) {
	if old := x.Active[key]; old != nil {
		x.Size -= old.Size()
		x.Causes.Set(old.ID, key, nil)
		x.Downs.Set(key, old, false)
		for i := range old.Conditions {
			delete(x.Sources, old.Conditions[i].Source)
		}
		for receiver, k := range old.In {
			at := alarm.Place{Receiver: receiver, Key: k}
			if delete(x.Members[at], key); len(x.Members[at]) == 0 {
				delete(x.Members, at)
			}
		}
	}
	if old := x.Active[key]; s == nil {
		if delete(x.Active, key); old != nil {
			x.Causes.Set(old.ID, "", x.Other(old.ID))
		}
		if held := x.held(old); held != nil {
			delete(held.Alarms, key)
		}
		return
	}
	x.Active[key] = s
	if held := x.held(s); held != nil {
		held.Alarms[key] = true
	}
	x.Causes.Set(s.ID, key, s)
	x.Downs.Set(key, s, true)
	x.Size += s.Size()
	for i := range s.Conditions {
		x.Sources[s.Conditions[i].Source] = key
	}
	for receiver, k := range s.In {
		at := alarm.Place{Receiver: receiver, Key: k}
		if x.Members[at] == nil {
			x.Members[at] = map[string]bool{}
		}
		x.Members[at][key] = true
	}
}

// Renewal is a condition that is renewed.
type Renewal struct {
	Alarm *alarm.Alarm
	Lease float64
}

// Renew renews a condition, in a copy of its alarm: others may be reading the alarm.
func (x *Index) Renew(source string, to Renewal) {
	key := x.Sources[source]
	s := x.Active[key]
	if s == nil {
		return
	}
	renewed := *s
	renewed.Conditions = slices.Clone(s.Conditions)
	if c := renewed.Find(source); c != nil {
		x.Size += to.Alarm.Size() - c.Alarm.Size()
		c.Alarm, c.Lease = *to.Alarm, to.Lease
		x.Active[key] = &renewed
	}
}

// PutView stores a view, or deletes it if v is nil.
func (x *Index) PutView(at alarm.Place, v *alarm.View) {
	var held *shards.Shard
	if x.shards != nil {
		held = x.shards.Held(x.shards.OfPlace(at.Key))
	}
	if delete(x.Unknown, at); v == nil {
		if delete(x.Views, at); held != nil {
			delete(held.Places, at)
		}
		return
	}
	if held != nil {
		held.Places[at] = true
	}
	if x.Views[at] = v; v.Unknown {
		x.Unknown[at] = true
	}
}

// KeepView stores a view. One without an active alarm is kept only if its clear was given up.
func (x *Index) KeepView(at alarm.Place, v *alarm.View) {
	if len(x.Members[at]) > 0 || v.Lost != nil {
		x.PutView(at, v)
	}
}

// ExtendLeases extends all leases at least to a moment in run seconds.
func (x *Index) ExtendLeases(least float64) {
	for _, s := range x.Active {
		ExtendLeases(s, least)
	}
}

// ExtendLeases extends those of an alarm.
func ExtendLeases(s *alarm.State, least float64) {
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Lease != 0 {
			c.Lease = max(c.Lease, least)
		}
	}
}

// Keys returns the keys of the active alarms, the oldest first.
func (x *Index) Keys() []string {
	return slices.SortedFunc(maps.Keys(x.Active), func(a, b string) int {
		return cmp.Or(x.Active[a].RaisedAt.Compare(x.Active[b].RaisedAt), cmp.Compare(x.Active[a].ID, x.Active[b].ID))
	})
}

// held returns the shard of an alarm; nil without a cluster, or if the process does not have it.
func (x *Index) held(s *alarm.State) *shards.Shard {
	if x.shards == nil || s == nil {
		return nil
	}
	return x.shards.Held(x.shards.Home(&s.Conditions[0].Alarm))
}

// Use has the index of alarms that say that their target does not answer be about matchers.
func (x *Index) Use(m mute.Matchers, mutes *mute.Set) { x.Downs.Use(m, mutes, x.Active) }

// Relabel has the index compare the labels that targets have.
func (x *Index) Relabel(before, now *mute.Set) {
	x.Causes.Relabel(now.Labels)
	x.Downs.Relabel(before, now)
}

// Reindex has the index compare the labels of alarms anew, by their keys, and of those of other members, by their IDs.
func (x *Index) Reindex(keys []string) {
	for _, key := range keys {
		if s := x.Active[key]; s != nil {
			x.Causes.Set(s.ID, key, s)
			x.Downs.Set(key, s, false)
			x.Downs.Set(key, s, true)
			x.compare(x.shards.Home(&s.Conditions[0].Alarm))
		} else {
			x.Causes.Set(key, "", x.Other(key))
		}
	}
}

// Inhibit begins the index of causes.
func (x *Index) Inhibit(rules []cause.Rule, mutes *mute.Set) {
	x.Causes = cause.NewIndex(rules, mutes.Labels)
	for key, s := range x.Active {
		x.Causes.Set(s.ID, key, s)
	}
	x.EachInhibitor(func(s *alarm.State) { x.Causes.Set(s.ID, "", s) })
	for _, shard := range x.shards.Names() {
		x.compare(shard)
	}
}

// Entry is an active alarm and its key.
type Entry struct {
	Key   string
	Alarm *alarm.Alarm
}

// ByAge returns alarms, the oldest first.
func ByAge(states map[string]*alarm.State) []Entry {
	list := make([]Entry, 0, len(states))
	for key, s := range states {
		list = append(list, Entry{key, s.Alarm()})
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(a.Alarm.RaisedAt.Compare(b.Alarm.RaisedAt), cmp.Compare(a.Alarm.ID, b.Alarm.ID))
	})
	return list
}

// Conditions returns the alarm of each active condition as the condition shows it. The IDs are those of the conditions.
func (x *Index) Conditions() (list []alarm.Alarm) {
	for _, key := range x.Keys() {
		for _, c := range x.Active[key].Conditions {
			a := c.Alarm
			a.ID = c.Source
			a.RaisedAt = cmp.Or(a.RaisedAt, x.Active[key].RaisedAt)
			list = append(list, a)
		}
	}
	return list
}

// ConditionsOf returns those of an alarm, by its ID. They are none if it is unknown.
func (x *Index) ConditionsOf(id string) (list []alarm.Alarm) {
	for _, s := range x.Active {
		if s.ID == id {
			for _, c := range s.Conditions {
				a := c.Alarm
				a.ID = c.Source
				list = append(list, a)
			}
		}
	}
	return list
}
