package api

import (
	"maps"
	"time"

	"trapline/internal/notify"
)

// openAlarm is an alarm that is raised.
type openAlarm struct {
	notify.Standing
	baseline bool // it was so when its rule first looked at the target, and nobody is notified
}

// alarmIndex are how many alarms are open. Version changes when they do.
type alarmIndex struct {
	counts   AlarmCounts
	byTarget map[string]targetAlarms
	version  uint64
	at       time.Time
}

// targetAlarms are how many alarms of a target are open, and how many of them belong to a baseline.
type targetAlarms struct{ total, baseline int }

// alarmsAge is how old an alarmIndex may be.
const alarmsAge = time.Second

// alarmIndex returns the last counts, or new ones.
func (a *API) alarmIndex() *alarmIndex {
	c := &a.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := c.alarms; last == nil || !last.at.Add(alarmsAge).After(time.Now()) {
		_, next := a.look(func(*notify.Alarm) bool { return false })
		c.keep(next)
	}
	return c.alarms
}

// open are the open alarms that are wanted, by the IDs that receivers know. Whoever then asks how many there are is
// given the counts of the same look.
func (a *API) open(wanted func(*notify.Alarm) bool) []openAlarm {
	list, next := a.look(wanted)
	a.counted.mu.Lock()
	defer a.counted.mu.Unlock()
	a.counted.keep(next)
	return list
}

// keep takes over counts, unless there are later ones.
func (c *counted) keep(next *alarmIndex) {
	if last := c.alarms; last != nil {
		if last.at.After(next.at) {
			return
		}
		next.version = last.version
		if !maps.Equal(next.byTarget, last.byTarget) {
			next.version++
		}
	}
	c.alarms = next
}

// look counts the open alarms, and gathers those that are wanted. Open is whatever is raised and has not been cleared,
// whether receivers are notified of it or not.
func (a *API) look(wanted func(*notify.Alarm) bool) (list []openAlarm, x *alarmIndex) {
	x = &alarmIndex{counts: AlarmCounts{BySeverity: map[string]int{}}, byTarget: map[string]targetAlarms{}, at: time.Now()}
	known := map[string]bool{}
	takes := func(one *notify.Alarm, baseline bool) bool {
		if known[one.ID] {
			return false
		}
		known[one.ID] = true
		x.add(one, baseline)
		return wanted(one)
	}
	take := func(alarms []notify.Alarm, baseline bool) {
		for i := range alarms {
			if alarms[i].ID = a.alarmID(&alarms[i]); takes(&alarms[i], baseline) {
				list = append(list, openAlarm{notify.Standing{Alarm: alarms[i]}, baseline})
			}
		}
	}
	if a.outbox() != nil {
		for _, s := range a.outbox().Standings(func(one *notify.Alarm) bool { return takes(one, false) }) {
			list = append(list, openAlarm{Standing: s})
		}
	}
	if a.options.Rules == nil {
		return list, x
	}
	take(a.options.Rules.Held(), true)
	if a.outbox() == nil { // rules raise alarms, and nobody is notified
		take(a.options.Rules.Alarms(true), false)
	}
	return list, x
}

func (x *alarmIndex) add(one *notify.Alarm, baseline bool) {
	of := x.byTarget[one.Target]
	x.counts.Total++
	of.total++
	if baseline {
		x.counts.Baseline++
		of.baseline++
	} else {
		x.counts.BySeverity[one.Severity.String()]++
	}
	x.byTarget[one.Target] = of
}
