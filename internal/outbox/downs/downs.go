// Package downs is an index of the active alarms that say that their target does not answer: these are looked at each
// second, and all others need not be.
package downs

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// Index has the alarms that matchers select. The zero Index knows no matchers, and has none.
type Index struct {
	matchers mute.Matchers
	mutes    *mute.Set                  // whose labels of targets were compared
	of       map[string]map[string]bool // keys of alarms by target
}

// Set notes whether an alarm is active.
func (x *Index) Set(key string, s *alarm.State, active bool) {
	if x.mutes == nil {
		return
	}
	a := s.Alarm()
	switch {
	case a.Target == "":
	case !active:
		if delete(x.of[a.Target], key); len(x.of[a.Target]) == 0 {
			delete(x.of, a.Target)
		}
	case x.mutes.Labels(a).Match(x.matchers):
		if x.of[a.Target] == nil {
			x.of[a.Target] = map[string]bool{}
		}
		x.of[a.Target][key] = true
	}
}

// Use has the index be about matchers, and the labels that targets have. active are the active alarms by key.
func (x *Index) Use(m mute.Matchers, mutes *mute.Set, active map[string]*alarm.State) {
	if x.mutes != nil && x.mutes.SameTargets(mutes) && slices.Equal(x.matchers, m) {
		return
	}
	*x = Index{matchers: m, mutes: mutes, of: map[string]map[string]bool{}}
	for key, s := range active {
		x.Set(key, s, true)
	}
}

// Relabel has the index compare other labels of targets, if it knows those before. The alarms of these targets are to be
// noted anew.
func (x *Index) Relabel(before, now *mute.Set) {
	if x.mutes != nil && x.mutes.SameTargets(before) {
		x.mutes = now
	}
}

// Targets returns the targets of the alarms.
func (x *Index) Targets() map[string]bool {
	all := make(map[string]bool, len(x.of))
	for target := range x.of {
		all[target] = true
	}
	return all
}

// Alarms returns the alarm of each of some targets that was raised last. active are the active alarms by key.
func (x *Index) Alarms(targets map[string]bool, active map[string]*alarm.State) map[string]*alarm.Alarm {
	last := map[string]*alarm.State{}
	for target := range targets {
		for key := range x.of[target] {
			s, before := active[key], last[target]
			if before == nil || cmp.Or(s.RaisedAt.Compare(before.RaisedAt), cmp.Compare(s.ID, before.ID)) > 0 {
				last[target] = s
			}
		}
	}
	of := make(map[string]*alarm.Alarm, len(last))
	for target, s := range last {
		of[target] = s.Alarm()
	}
	return of
}

// Keys returns the keys of the alarms of some targets.
func (x *Index) Keys(targets map[string]bool) map[string]bool {
	all := map[string]bool{}
	for target := range targets {
		maps.Copy(all, x.of[target])
	}
	return all
}
