package mute

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"trapline/internal/alarm"
)

// Resumed returns the set with the unrest that an earlier process has left, at the start in run time: a restart ends no
// storm and calms no alarm. Raises of alarms that have ended are unknown, so that a storm lasts at least until alarms
// have been quiet since the start as long as is required of it, and so does the mute of an alarm that comes and goes.
func (s *Set) Resumed(owner any, active map[string]*alarm.State, run time.Duration) *Set {
	var nothing *unrest
	u := nothing.change(owner)
	if s.rules.Flap != nil {
		for _, a := range active {
			if slices.Contains(a.Mutes, string(ByFlapping)) {
				u.flapping[a.ID] = run
			}
		}
	}
	if s.rules.Storm != nil {
		u.resumeStorm(active, run, s.rules.Storm.within())
	}
	c := *s
	c.unrest = u
	return &c
}

// resumeStorm counts the active alarms that were raised lately, and goes on with the storm if its alarm is active.
func (u *unrest) resumeStorm(active map[string]*alarm.State, run, within time.Duration) {
	for _, a := range active {
		if at := began(a); a.Run > 0 && run-at < within && a.Alarm().Rule != StormRule {
			u.raised[raises{at.Truncate(time.Second), a.Alarm().Rule}]++
		}
		if a.Find(StormRule) == nil {
			continue
		}
		n, _ := strconv.Atoi(a.Alarm().Value)
		u.storm = &storm{began: began(a) - within, alarms: n, summarized: n, rules: map[string]int{}, held: run + within}
	}
	if u.storm == nil {
		return
	}
	for _, a := range active {
		if one := a.Alarm(); one.Rule != StormRule && began(a) >= u.storm.began {
			u.storm.include(one)
		}
	}
	u.storm.alarms = max(u.storm.alarms, 1)
}

func began(a *alarm.State) time.Duration { return time.Duration(a.Run * float64(time.Second)) }

// include adds an alarm to the text about the storm.
func (s *storm) include(a *alarm.Alarm) {
	s.rules[a.Rule]++
	s.share(a)
}

// share keeps the labels that an alarm has in common with those before it.
func (s *storm) share(a *alarm.Alarm) {
	if s.common == nil {
		s.common = maps.Clone(a.Labels)
	}
	maps.DeleteFunc(s.common, func(name, value string) bool {
		return a.Labels[name] != value || name == alarm.SeverityLabel || name == "alertname"
	})
}
