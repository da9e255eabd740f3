// Package ownalarm raises and clears the alarms that Trapline has about itself: of one rule, one about each name.
package ownalarm

import (
	"context"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
)

// lease is how long an alarm lasts unless it is renewed: nobody may be left to clear it.
const lease = time.Hour

// Renewal is how often alarms are renewed.
const Renewal = 10 * time.Minute

// Every is how often Run calls.
const Every = time.Second

// Alarms are those of a rule.
type Alarms struct {
	Rule       string
	Label      string // which has the name
	Severity   alarm.Severity
	Deployment func() string
	Describe   func(a *alarm.Alarm, name string, n int) // sets the value, and the texts
	Apply      func([]outbox.Transition, time.Time) error

	// Member is that of a cluster if several have reason to raise an alarm: it lasts until the last of them has none. "" means that one
	// process at a time raises alarms.
	Member string

	stored  map[string]int // the numbers, as the alarms have them; nil: that is not known
	renewed time.Time
}

// Run calls update every second, at once for the first time, until ctx is canceled.
func Run(ctx context.Context, update func(now time.Time)) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		update(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Set raises an alarm about each name with a number above zero, and clears all others. After an error the next call does
// the same again.
func (a *Alarms) Set(numbers map[string]int, now time.Time) error {
	if maps.Equal(numbers, a.stored) && now.Sub(a.renewed) < Renewal {
		return nil
	}
	all := make(map[string]int, len(numbers))
	for name := range a.stored {
		all[name] = 0
	}
	maps.Copy(all, numbers)
	var transitions []outbox.Transition
	for _, name := range slices.Sorted(maps.Keys(all)) {
		transitions = append(transitions, a.transition(name, all[name], now))
	}
	if len(transitions) > 0 {
		if err := a.Apply(transitions, now); err != nil {
			return err
		}
	}
	a.stored, a.renewed = numbers, now
	return nil
}

// Forget leaves the alarms to another process.
func (a *Alarms) Forget() { a.stored = nil }

func (a *Alarms) transition(name string, n int, now time.Time) outbox.Transition {
	named := map[string]string{a.Label: name}
	t := outbox.Transition{Active: n > 0, Lease: now.Add(lease), Alarm: alarm.Alarm{
		ID: alarm.ID(a.Deployment(), a.Rule, a.Member, named), Rule: a.Rule, Severity: a.Severity, Resource: a.Label + "=" + name,
		Labels: map[string]string{"alertname": a.Rule, a.Label: name, alarm.SeverityLabel: a.Severity.String()},
	}}
	a.Describe(&t.Alarm, name, n)
	return t
}
