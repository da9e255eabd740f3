package alerting

import (
	"maps"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/outbox"
	"trapline/internal/outbox/standing"
)

// openAlarm is an alarm that is raised.
type openAlarm struct {
	standing.Standing
	baseline bool // it was so when its rule first looked at the target, and nobody is notified
}

// OpenAlarms are how many alarms are open. Version changes when they do.
type OpenAlarms struct {
	Counts   api.AlarmCounts
	ByTarget map[string]TargetAlarms
	Version  uint64
	at       time.Time
}

// TargetAlarms are how many alarms of a target are open, and how many of them belong to a baseline.
type TargetAlarms struct{ Total, Baseline int }

// alarmsAge is how old an alarmIndex may be.
const alarmsAge = time.Second

// OpenAlarms returns the last counts, or new ones.
func (c *Console) OpenAlarms() *OpenAlarms {
	c.counted.mu.Lock()
	defer c.counted.mu.Unlock()
	if last := c.counted.alarms; last == nil || !last.at.Add(alarmsAge).After(time.Now()) {
		_, next := c.look(func(*alarm.Alarm) bool { return false })
		c.counted.keep(next)
	}
	return c.counted.alarms
}

// open are the open alarms that are wanted, by the IDs that receivers know. The next call of OpenAlarms returns counts
// of the same moment.
func (c *Console) open(wanted func(*alarm.Alarm) bool) []openAlarm {
	list, next := c.look(wanted)
	c.counted.mu.Lock()
	defer c.counted.mu.Unlock()
	c.counted.keep(next)
	return list
}

// keep takes over counts, unless there are later ones.
func (c *counted) keep(next *OpenAlarms) {
	if last := c.alarms; last != nil {
		if last.at.After(next.at) {
			return
		}
		next.Version = last.Version
		if !maps.Equal(next.ByTarget, last.ByTarget) {
			next.Version++
		}
	}
	c.alarms = next
}

// look counts the open alarms, and gathers those that are wanted. Open is whatever is raised and has not been cleared,
// whether receivers are notified of it or not.
func (c *Console) look(wanted func(*alarm.Alarm) bool) (list []openAlarm, x *OpenAlarms) {
	x = &OpenAlarms{Counts: api.AlarmCounts{BySeverity: map[string]int{}}, ByTarget: map[string]TargetAlarms{}, at: time.Now()}
	known := map[string]bool{}
	takes := func(one *alarm.Alarm, baseline bool) bool {
		if known[one.ID] {
			return false
		}
		known[one.ID] = true
		x.add(one, baseline)
		return wanted(one)
	}
	take := func(alarms []alarm.Alarm, baseline bool) {
		for i := range alarms {
			if alarms[i].ID = c.alarmID(&alarms[i]); takes(&alarms[i], baseline) {
				list = append(list, openAlarm{standing.Standing{Alarm: alarms[i]}, baseline})
			}
		}
	}
	for _, s := range c.standings(func(one *alarm.Alarm) bool { return takes(one, false) }) {
		list = append(list, openAlarm{Standing: s})
	}
	if c.rules != nil {
		take(c.rules.Held(), true)
		if c.outbox() == nil { // rules raise alarms, and nobody is notified
			take(c.rules.Alarms(true), false)
		}
	}
	x.countQuiet(c.outbox())
	return list, x
}

// standings returns the wanted ones of the alarms of which receivers are notified.
func (c *Console) standings(wanted func(*alarm.Alarm) bool) (list []standing.Standing) {
	if c.outbox() != nil {
		list = c.outbox().Standings(wanted)
	}
	if c.Beside != nil {
		list = append(list, c.Beside(wanted)...)
	}
	return list
}

// countQuiet counts the muted and the acknowledged alarms.
func (x *OpenAlarms) countQuiet(o *outbox.Outbox) {
	var q alarm.Quiet
	if o != nil {
		q = o.Quiet()
	}
	x.Counts.Muted, x.Counts.Acknowledged = q.Muted, q.Acknowledged
	x.Counts.Active = max(0, x.Counts.Total-x.Counts.Baseline-q.Either) // which are not of quite the same moment
}

func (x *OpenAlarms) add(one *alarm.Alarm, baseline bool) {
	of := x.ByTarget[one.Target]
	x.Counts.Total++
	of.Total++
	if baseline {
		x.Counts.Baseline++
		of.Baseline++
	} else {
		x.Counts.BySeverity[one.Severity.String()]++
	}
	x.ByTarget[one.Target] = of
}

// counted keeps the last counts.
type counted struct {
	mu     sync.Mutex
	alarms *OpenAlarms
}
