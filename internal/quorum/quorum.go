// Package quorum has a member of a cluster send an alarm by itself while it does not reach a majority of the voters. The alarm
// has an outbox of its own, in the state directory: that of all other alarms waits for the cluster.
package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/standing"
	"trapline/internal/ownalarm"
	"trapline/internal/statedir"
)

// Options say of which member the alarm is.
type Options struct {
	Dir        string // of the outbox
	Member     string
	Reached    func() bool   // whether the member reaches a majority of the voters, and these store what it commits
	After      time.Duration // for which it does not when the alarm is raised
	Deployment string
	Metrics    *outbox.Metrics
	Logger     *slog.Logger
}

// Alarm is the alarm of a member. A nil one is of a process without a cluster: all methods but Run do nothing.
type Alarm struct {
	options Options
	state   *statedir.Dir
	outbox  *outbox.Outbox

	alarms ownalarm.Alarms
	since  time.Time // when the majority was found out of reach, or to store nothing; zero while it is not
}

// Open opens the outbox of the alarm, which notifies the receivers of routes.
func Open(o Options, routes []*queue.Route, mutes *mute.Rules, now time.Time) (*Alarm, error) {
	state, err := statedir.Open(o.Dir, nil, now)
	if err != nil {
		return nil, err
	}
	out, err := outbox.New(state, routes, outbox.Options{Logger: o.Logger, Metrics: o.Metrics, Mutes: mutes, Deployment: o.Deployment, Cluster: &shards.Cluster{
		ID: func() string { return o.Member }, Member: o.Member, Of: func(string) string { return shards.Local }, MaySend: func() bool { return true },
	}}, now)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return &Alarm{options: o, state: state, outbox: out, alarms: alarmsOf(&o, out.Apply)}, nil
}

func alarmsOf(o *Options, apply func([]outbox.Transition, time.Time) error) ownalarm.Alarms {
	return ownalarm.Alarms{
		Rule: alarm.WithoutQuorum, Label: "member", Severity: alarm.Critical, Deployment: func() string { return o.Deployment }, Apply: apply,
		Describe: func(a *alarm.Alarm, member string, _ int) {
			a.Summary = fmt.Sprintf("Member %s reaches no majority of the voters of the cluster, or these store nothing: it polls, and other alarms are not sent", member)
			a.ClearSummary = fmt.Sprintf("Member %s reaches a majority of the voters of the cluster, and these store alarms", member)
		},
	}
}

// Run raises and clears the alarm until ctx is canceled, which the end of the process does: that of the last members to be
// stopped waits in vain for the others. It sends notifications for as long as all other parts run.
func (a *Alarm) Run(ctx, parts context.Context) error {
	watched, end := context.WithCancel(ctx)
	defer end()
	group, parts := errgroup.WithContext(parts)
	defer context.AfterFunc(parts, end)()
	group.Go(func() error { return a.outbox.Run(parts) })
	group.Go(func() error { return ownalarm.Run(watched, a.update) })
	return group.Wait()
}

func (a *Alarm) update(now time.Time) {
	active := 0
	switch {
	case a.options.Reached():
		a.since = time.Time{}
	case a.since.IsZero():
		a.since = now
		return
	case now.Sub(a.since) < a.options.After:
		return
	default:
		active = 1
	}
	if err := a.alarms.Set(map[string]int{a.options.Member: active}, now); err != nil {
		a.options.Logger.Error("the alarm about the quorum cannot be stored yet", "err", err)
	}
}

// Standings returns the alarm, if it is active and wanted.
func (a *Alarm) Standings(wanted func(*alarm.Alarm) bool) []standing.Standing {
	if a == nil {
		return nil
	}
	return a.outbox.Standings(wanted)
}

// SetRoutes replaces the receivers.
func (a *Alarm) SetRoutes(routes []*queue.Route, mutes *mute.Rules, now time.Time) error {
	if a == nil {
		return nil
	}
	return a.outbox.SetRoutes(routes, mutes, now)
}

// Close closes the outbox.
func (a *Alarm) Close() error {
	if a == nil {
		return nil
	}
	return a.state.Close()
}
