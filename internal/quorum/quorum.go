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
	"trapline/internal/statedir"
)

const (
	lease   = time.Hour        // how long the alarm lasts unless it is renewed
	renewal = 10 * time.Minute // how often it is
	every   = time.Second      // how often the session is looked at
)

// Options say of which member the alarm is.
type Options struct {
	Dir        string // of the outbox
	Member     string
	Reached    func() bool   // whether the member reaches a majority of the voters
	After      time.Duration // for which it does not when the alarm is raised
	Deployment string
	Metrics    *outbox.Metrics
	Logger     *slog.Logger
}

// Alarm is the alarm of a member. A nil one is of a process without a cluster: all methods do nothing.
type Alarm struct {
	options Options
	state   *statedir.Dir
	outbox  *outbox.Outbox

	since   time.Time // when the majority was found out of reach; zero while it is not
	told    bool      // the outbox knows whether the alarm is active
	active  bool
	renewed time.Time
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
	return &Alarm{options: o, state: state, outbox: out}, nil
}

// Run raises, sends and clears the alarm until ctx is canceled.
func (a *Alarm) Run(ctx context.Context) error {
	if a == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.outbox.Run(ctx) })
	group.Go(func() error { return a.watch(ctx) })
	return group.Wait()
}

func (a *Alarm) watch(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if t, due := a.next(time.Now()); due {
			if err := a.outbox.Apply([]outbox.Transition{t}, time.Now()); err != nil {
				a.options.Logger.Error("the alarm about the quorum cannot be stored yet", "err", err)
				a.failed()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// failed notes that the last transition is not stored.
func (a *Alarm) failed() { a.told = false }

// next returns the transition that is due, and notes that it is known.
func (a *Alarm) next(now time.Time) (t outbox.Transition, due bool) {
	active := false
	switch {
	case a.options.Reached():
		a.since = time.Time{}
	case a.since.IsZero():
		a.since = now
		return t, false
	case now.Sub(a.since) < a.options.After:
		return t, false
	default:
		active = true
	}
	if a.told && a.active == active && (!active || now.Sub(a.renewed) < renewal) {
		return t, false
	}
	a.told, a.active, a.renewed = true, active, now
	member := a.options.Member
	return outbox.Transition{Active: active, Lease: now.Add(lease), Alarm: alarm.Alarm{
		ID: alarm.ID(a.options.Deployment, alarm.WithoutQuorum, "", map[string]string{"member": member}), Rule: alarm.WithoutQuorum, Severity: alarm.Critical, Resource: "member=" + member,
		Labels:       map[string]string{"alertname": alarm.WithoutQuorum, "member": member, alarm.SeverityLabel: alarm.Critical.String()},
		Summary:      fmt.Sprintf("Member %s reaches no majority of the voters of the cluster: it polls, and other alarms are not sent", member),
		ClearSummary: fmt.Sprintf("Member %s reaches a majority of the voters of the cluster", member),
	}}, true
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
