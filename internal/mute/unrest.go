package mute

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/human"
	"trapline/internal/setting"
)

// The kinds of reasons of alarms that come and go, and of those that come with many others.
const (
	ByFlapping Kind = "flapping"
	ByStorm    Kind = "storm"
)

// FlapSettings is `rules.flap`: an alarm that changes so often is sent once more, with "(comes and goes)", and then muted
// until it has not changed for Within.
type FlapSettings struct {
	Changes int              `yaml:"changes"`          // raises and clears of an alarm
	Within  setting.Duration `yaml:"within,omitempty"` // of this time; default 10m
}

// StormSettings is `notifications.storm`: if so many alarms are raised, one summary is sent, the alarm TraplineStorm, and
// less severe ones are muted until it is over.
type StormSettings struct {
	Above     int              `yaml:"above"`                // alarms raised
	Within    setting.Duration `yaml:"within,omitempty"`     // of this time; default 10s
	HoldBelow string           `yaml:"hold_below,omitempty"` // the least severity that is sent nevertheless; default major
}

// The defaults and bounds of the settings.
const (
	defaultFlapTime, defaultStormTime = 10 * time.Minute, 10 * time.Second
	maxFlapChanges                    = 100
	maxUnrestTime                     = time.Hour
)

// Problems returns the errors in the settings.
func (f *FlapSettings) Problems() []setting.Problem {
	var m setting.Problems
	if f.Changes < 2 || f.Changes > maxFlapChanges {
		m.Add("changes", "changes is a number of raises and clears, from 2 to %d", maxFlapChanges)
	}
	addWithin(&m, f.Within)
	return m
}

// Problems returns the errors in the settings.
func (s *StormSettings) Problems() []setting.Problem {
	var m setting.Problems
	if s.Above < 1 {
		m.Add("above", "above is a number of alarms, 1 or more")
	}
	if _, known := alarm.Severities[s.HoldBelow]; !known && s.HoldBelow != "" {
		m.Add("hold_below", "unknown severity %q: write critical, major, minor or warning", s.HoldBelow)
	}
	addWithin(&m, s.Within)
	return m
}

func addWithin(m *setting.Problems, d setting.Duration) {
	if d.Duration > maxUnrestTime {
		m.Add("within", "within is at most %v", maxUnrestTime)
	}
}

func (f *FlapSettings) within() time.Duration { return cmp.Or(f.Within.Duration, defaultFlapTime) }

func (s *StormSettings) within() time.Duration { return cmp.Or(s.Within.Duration, defaultStormTime) }

// StormRule is the rule of the alarm about a storm.
const StormRule = alarm.Storm

// maxChanging is the maximum number of alarms whose changes are counted at a time.
const maxChanging = 20_000

// unrest has the alarms that began and ended lately, in run time. It belongs to the owner that made it, and is immutable
// for others.
type unrest struct {
	owner    any
	changes  map[string][]time.Duration // raises and clears within FlapSettings.Within, by ID of the alarm
	flapping map[string]time.Duration   // by ID of the alarm: its last change
	raised   map[raises]int             // alarms raised within StormSettings.Within
	storm    *storm                     // immutable; nil if there is none
}

// raises are those of a rule in a second.
type raises struct {
	second time.Duration
	rule   string
}

// storm is a storm that goes on.
type storm struct {
	began      time.Duration // in run time
	alarms     int
	summarized int            // the number in the last summary
	rules      map[string]int // alarms by rule
	common     map[string]string
	held       time.Duration // it does not end before this moment in run time
}

// change returns the unrest for changes by an owner.
func (u *unrest) change(owner any) *unrest {
	switch {
	case u == nil:
		return &unrest{owner: owner, changes: map[string][]time.Duration{}, flapping: map[string]time.Duration{}, raised: map[raises]int{}}
	case u.owner == owner:
		return u
	}
	c := *u
	c.owner, c.changes, c.flapping, c.raised = owner, maps.Clone(u.changes), maps.Clone(u.flapping), maps.Clone(u.raised)
	if u.storm != nil {
		s := *u.storm
		s.rules, s.common = maps.Clone(s.rules), maps.Clone(s.common)
		c.storm = &s
	}
	return &c
}

// mutes reports whether there is a storm or an alarm that flaps.
func (u *unrest) mutes() bool { return u != nil && len(u.flapping) > 0 || u != nil && u.storm != nil }

// without returns the storm and the alarms that flap which are not in other.
func (u *unrest) without(other *unrest) *unrest {
	switch {
	case u == other:
		return nil
	case u == nil || other == nil:
		return u
	}
	d := &unrest{flapping: maps.Clone(u.flapping)}
	maps.DeleteFunc(d.flapping, func(id string, _ time.Duration) bool { _, flaps := other.flapping[id]; return flaps })
	if other.storm == nil {
		d.storm = u.storm
	}
	return d
}

// unrestReasons returns why an alarm is muted by unrest.
func (s *Set) unrestReasons(a *alarm.Alarm) (list []Reason) {
	if s.unrest == nil {
		return nil
	}
	if s.IsFlapping(a.ID) {
		list = append(list, Reason{Kind: ByFlapping})
	}
	if s.unrest.storm != nil && s.rules.Storm != nil && a.Rule != StormRule && !a.Severity.AtLeast(s.heldBelow()) {
		list = append(list, Reason{Kind: ByStorm})
	}
	return list
}

func (s *Set) heldBelow() alarm.Severity {
	return alarm.Severities[cmp.Or(s.rules.Storm.HoldBelow, alarm.Major.String())]
}

// Changed returns the set after the raise or the clear of an alarm at a moment in run time. The owner alone may change the
// set that it returns. Flaps reports whether the alarm begins to come and go with this raise: it is muted after it, by
// Flaps.
func (s *Set) Changed(owner any, a *alarm.Alarm, raised bool, run time.Duration) (next *Set, flaps bool) {
	if s.rules.Flap == nil && s.rules.Storm == nil || a.Rule == StormRule {
		return s, false
	}
	c := *s
	c.unrest = s.unrest.change(owner)
	if raised && s.rules.Storm != nil {
		c.unrest.raise(a, run, s.rules.Storm)
	}
	if s.rules.Flap != nil {
		flaps = c.unrest.count(a.ID, run, s.rules.Flap) && raised
	}
	return &c, flaps
}

// count counts a change of an alarm, and reports whether it flaps and is not known to.
func (u *unrest) count(id string, run time.Duration, f *FlapSettings) bool {
	if _, flaps := u.flapping[id]; flaps {
		u.flapping[id] = run
		return false
	}
	list, known := u.changes[id]
	if !known && len(u.changes) >= maxChanging {
		return false
	}
	recent := slices.DeleteFunc(slices.Clone(list), func(at time.Duration) bool { return run-at >= f.within() })
	u.changes[id] = append(recent, run)
	return len(recent)+1 >= f.Changes
}

// Flaps returns the set in which an alarm is muted until it is quiet.
func (s *Set) Flaps(owner any, id string, run time.Duration) *Set {
	c := *s
	c.unrest = s.unrest.change(owner)
	c.unrest.flapping[id] = run
	delete(c.unrest.changes, id)
	return &c
}

// IsFlapping reports whether an alarm is muted because it comes and goes.
func (s *Set) IsFlapping(id string) bool {
	if s.unrest == nil || s.rules.Flap == nil {
		return false
	}
	_, flaps := s.unrest.flapping[id]
	return flaps
}

// raise counts an alarm for a storm, which may begin.
func (u *unrest) raise(a *alarm.Alarm, run time.Duration, s *StormSettings) {
	u.raised[raises{run.Truncate(time.Second), a.Rule}]++
	if u.storm != nil {
		u.storm.alarms++
		u.storm.include(a)
	} else if n := u.raisedWithin(run, s.within()); n > s.Above {
		u.storm = &storm{began: run - s.within(), alarms: n, rules: map[string]int{}}
		for of, some := range u.raised {
			u.storm.rules[of.rule] += some
		}
		u.storm.share(a)
	}
}

// raisedWithin returns how many alarms were raised lately, and forgets older ones.
func (u *unrest) raisedWithin(run, within time.Duration) (n int) {
	for of, some := range u.raised {
		if run-of.second >= within+time.Second {
			delete(u.raised, of)
		} else {
			n += some
		}
	}
	return n
}

// Calm returns the set at a moment in run time: alarms that are quiet flap no longer, and a storm may be over. It returns
// s itself if nothing ends.
func (s *Set) Calm(owner any, run time.Duration) *Set {
	if s.unrest == nil || len(s.unrest.flapping)+len(s.unrest.changes)+len(s.unrest.raised) == 0 && s.unrest.storm == nil {
		return s
	}
	quiet := func(_ string, last time.Duration) bool {
		return s.rules.Flap == nil || run-last >= s.rules.Flap.within()
	}
	old := func(id string, list []time.Duration) bool { return quiet(id, list[len(list)-1]) }
	c := *s
	c.unrest = s.unrest.change(owner)
	maps.DeleteFunc(c.unrest.flapping, quiet)
	maps.DeleteFunc(c.unrest.changes, old)
	if s.rules.Storm == nil {
		c.unrest.storm = nil
		clear(c.unrest.raised)
	} else if now := c.unrest.storm; c.unrest.raisedWithin(run, s.rules.Storm.within()) <= s.rules.Storm.Above/2 && now != nil && run >= now.held {
		c.unrest.storm = nil
	}
	return &c
}

// Storm returns the alarm about a storm. Due reports whether its text has to be renewed, which happens with each doubling
// of the number of alarms; the alarm is nil otherwise. There is no storm unless on.
func (s *Set) Storm(owner any, run time.Duration) (next *Set, a *alarm.Alarm, on bool) {
	if s.unrest == nil || s.unrest.storm == nil || s.rules.Storm == nil {
		return s, nil, false
	}
	if now := s.unrest.storm; now.summarized > 0 && now.alarms < 2*now.summarized {
		return s, nil, true
	}
	c := *s
	c.unrest = s.unrest.change(owner)
	c.unrest.storm.summarized = c.unrest.storm.alarms
	return &c, c.unrest.storm.alarm(s.heldBelow(), run), true
}

func (s *storm) alarm(heldBelow alarm.Severity, run time.Duration) *alarm.Alarm {
	most := slices.MaxFunc(slices.Sorted(maps.Keys(s.rules)), func(a, b string) int { return cmp.Compare(s.rules[a], s.rules[b]) })
	parts := []string{fmt.Sprintf("%s %s", human.Grouped(s.rules[most]), most)}
	for _, name := range slices.Sorted(maps.Keys(s.common)) {
		parts = append(parts, name+"="+s.common[name])
	}
	return &alarm.Alarm{
		ID: StormRule, Rule: StormRule, Severity: alarm.Critical, Labels: map[string]string{"alertname": StormRule, alarm.SeverityLabel: alarm.Critical.String()},
		Value: strconv.Itoa(s.alarms), ClearSummary: "the storm of alarms is over",
		Summary: fmt.Sprintf("%s alarms in %s: %s. Those below %s are held back", human.Grouped(s.alarms), human.Duration(run-s.began), strings.Join(parts, ", "), heldBelow),
	}
}
