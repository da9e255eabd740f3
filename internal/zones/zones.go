// Package zones raises an alarm about each zone of a cluster that has targets, and no member to poll them.
package zones

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/human"
	"trapline/internal/outbox"
	"trapline/internal/ownalarm"
)

// Rule is the name of the alarm.
const Rule = "TraplineZoneWithoutMember"

// grace is for how long a zone may be without a member: one that restarts is back by then.
const grace = 30 * time.Second

// Alarms raises and clears the alarms.
type Alarms struct {
	alarms ownalarm.Alarms
	zones  func() (without map[string]int, here bool)
	logger *slog.Logger

	since map[string]time.Time // when a zone was found to be without a member; nil: another process reports
}

// New returns the alarms about zones, which returns the targets that nobody polls, of all zones, and whether this process
// reports them.
func New(zones func() (without map[string]int, here bool), deployment func() string, apply func([]outbox.Transition, time.Time) error, logger *slog.Logger) *Alarms {
	return &Alarms{zones: zones, logger: logger, alarms: ownalarm.Alarms{
		Rule: Rule, Label: "zone", Severity: alarm.Major, Deployment: deployment, Apply: apply,
		Describe: func(a *alarm.Alarm, zone string, targets int) {
			a.Value = strconv.Itoa(targets)
			a.Summary = fmt.Sprintf("No member of the zone %s lives: %s not polled", zone, human.Counted(targets, "target"))
			a.ClearSummary = fmt.Sprintf("The zone %s has a member, or no targets", zone)
		},
	}}
}

// Run raises and clears the alarms until ctx is canceled.
func (a *Alarms) Run(ctx context.Context) error { return ownalarm.Run(ctx, a.update) }

func (a *Alarms) update(now time.Time) {
	zones, here := a.zones()
	if !here {
		a.since = nil
		a.alarms.Forget()
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
	if err := a.alarms.Set(report, now); err != nil {
		a.logger.Error("the alarms about zones without a member cannot be stored yet", "err", err)
	}
}
