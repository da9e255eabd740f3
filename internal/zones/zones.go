// Package zones raises an alarm about each zone of a cluster that has targets, and no member to poll them.
package zones

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/human"
	"trapline/internal/outbox"
)

// Rule is the name of the alarm.
const Rule = "TraplineZoneWithoutMember"

const (
	lease   = time.Hour        // how long the alarm lasts unless it is renewed: another member may report the zone then
	renewal = 10 * time.Minute // how often it is
	every   = time.Second      // how often members are counted
	grace   = 30 * time.Second // how long a zone may be without a member: one that restarts is back by then
)

// Alarms raises and clears the alarms.
type Alarms struct {
	Zones      func() (without map[string]int, here bool) // targets that nobody polls, of all zones; here: this process reports them
	Deployment func() string
	Apply      func([]outbox.Transition, time.Time) error
	Logger     *slog.Logger

	since    map[string]time.Time // when a zone was found to be without a member
	reported map[string]int       // targets by zone, as the alarms say; nil: this process reports none
	renewed  time.Time
}

// Run raises and clears the alarms until ctx is canceled.
func (a *Alarms) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		a.update(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *Alarms) update(now time.Time) {
	zones, here := a.Zones()
	if !here {
		a.since, a.reported = nil, nil
		return
	}
	if a.since == nil {
		a.since = map[string]time.Time{}
	}
	report := make(map[string]int, len(zones))
	for zone, targets := range zones {
		began, known := a.since[zone]
		switch {
		case targets == 0:
			delete(a.since, zone)
			report[zone] = 0
		case !known:
			a.since[zone] = now
		case now.Sub(began) >= grace:
			report[zone] = targets
		}
	}
	if maps.Equal(report, a.reported) && now.Sub(a.renewed) < renewal {
		return
	}
	var transitions []outbox.Transition
	for _, zone := range slices.Sorted(maps.Keys(report)) {
		transitions = append(transitions, a.transition(zone, report[zone], now))
	}
	for zone := range a.reported {
		if _, ok := zones[zone]; !ok { // it has no targets any more
			transitions = append(transitions, a.transition(zone, 0, now))
		}
	}
	if len(transitions) > 0 {
		if err := a.Apply(transitions, now); err != nil {
			a.Logger.Error("the alarms about zones without a member cannot be stored yet", "err", err)
			return
		}
	}
	a.reported, a.renewed = report, now
}

func (a *Alarms) transition(zone string, targets int, now time.Time) outbox.Transition {
	named := map[string]string{"zone": zone}
	return outbox.Transition{Active: targets > 0, Lease: now.Add(lease), Alarm: alarm.Alarm{
		ID: alarm.ID(a.Deployment(), Rule, "", named), Rule: Rule, Severity: alarm.Major, Resource: "zone=" + zone, Value: strconv.Itoa(targets),
		Labels:       map[string]string{"alertname": Rule, "zone": zone, alarm.SeverityLabel: alarm.Major.String()},
		Summary:      fmt.Sprintf("No member of the zone %s lives: %s not polled", zone, human.Counted(targets, "target")),
		ClearSummary: fmt.Sprintf("The zone %s has a member, or no targets", zone),
	}}
}
