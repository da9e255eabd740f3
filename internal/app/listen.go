package app

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/version"

	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/listen"
	"trapline/internal/notify"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/standing"
	"trapline/internal/ownmib"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
	"trapline/internal/traps"
)

// newListener returns the receiver of notifications, with the sockets of the first configuration.
func (d *daemon) newListener() (*listen.Listener, error) {
	l := listen.New(listen.Options{
		Logger: d.logger, Registry: d.registry, Note: d.notifier.note, Conditions: d.notifier.conditions, Apply: d.notifier.apply, Holds: d.holds, Refresh: d.refresh, Judge: d.judge, Forward: d.notifier.forward, Respond: d.agent.Respond, Relay: d.relay, Engine: d.engineOf,
	})
	return l, l.Open(&d.first.Config.Listen)
}

// listenTo has the notifications of a configuration received.
func (d *daemon) listenTo(w *runtimeconfig.Config) error {
	c := w.Config
	next := &listen.Configuration{Settings: c.Listen, Auths: c.Auths, Identity: d.notifier.identity(), Names: c.Names, Rules: c.TrapRules, Deployment: c.Notifications.Deployment, Engine: d.engineFinder(w.Targets)}
	next.Forward = slices.ContainsFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return len(r.Forward.Traps) > 0 })
	next.Judged = c.Rules.Selectors.Named(poller.TrapsTotal)
	for _, t := range w.Targets {
		next.Targets = append(next.Targets, traps.Target{Name: t.Name, Address: t.Spec.Address, Context: t.Spec.Context, Labels: t.Labels})
	}
	next.Managers = managersOf(c)
	err := d.listener.Configure(next)
	if err == nil {
		d.agent.Use(d.objects(c))
	}
	return err
}

// managersOf are the addresses of the receivers.
func managersOf(c *config.Config) (list []netip.Addr) {
	for i := range c.Receivers {
		a, err := access.ParseReceiver(c.Receivers[i].Address)
		if err != nil {
			continue // it is a webhook
		}
		if ip, err := netip.ParseAddr(a.Host); err == nil {
			list = append(list, ip.Unmap().WithZone(""))
		}
	}
	return list
}

// objects is the source of the agent's objects, nil without a state directory.
func (d *daemon) objects(c *config.Config) *ownmib.Source {
	stores := d.notifier.storage.Load()
	if stores.state == nil || stores.outbox == nil || len(c.Listen.Agent) == 0 {
		return nil
	}
	name, _ := os.Hostname()
	s := &ownmib.Source{
		Version: version.Version, Name: name, Identity: stores.state.Identity,
		Alarms: func() []standing.Standing { return stores.outbox.Standings(nil) },
		Receivers: func() []standing.ReceiverState {
			list, _ := stores.outbox.Receivers() // the error is about given up ones
			return list
		},
	}
	if enterprise := c.Notifications.EnterpriseOID; !enterprise.IsZero() {
		s.Enterprise, s.Names = enterprise.OID, c.Names
	}
	return s
}

// identity is our engine, nil without a state directory.
func (n *notifier) identity() *originator.Identity {
	if s := n.storage.Load(); s.state != nil {
		return s.state.Identity
	}
	return nil
}

// accept has the parts that may refuse a configuration take it.
func (d *daemon) accept(c *config.Config) error {
	if err := d.listener.Open(&c.Listen); err != nil {
		return err
	}
	return d.notifier.reload(c)
}

// conditions are the active conditions of all alarms.
func (n *notifier) conditions() []alarm.Alarm {
	if s := n.storage.Load(); s.outbox != nil {
		return s.outbox.Conditions()
	}
	return nil
}

// apply commits transitions, in a cluster at the members that have the alarms' targets.
func (n *notifier) apply(transitions []outbox.Transition, now time.Time) error {
	if shared := n.shared.Load(); shared != nil {
		return shared.Apply(transitions, now)
	}
	return n.applyOwn(transitions, now)
}

func (n *notifier) applyOwn(transitions []outbox.Transition, now time.Time) error {
	s := n.storage.Load()
	if s.outbox != nil {
		return s.outbox.Apply(transitions, now)
	}
	s.unsent(transitions, now)
	return nil
}

// forward queues notifications for the receivers to which they are passed on, in a cluster where their targets are polled.
func (n *notifier) forward(list []alarm.Event, now time.Time) error {
	if shared := n.shared.Load(); shared != nil {
		return shared.Forward(list, now)
	}
	return n.forwardOwn(list, now)
}

func (n *notifier) forwardOwn(list []alarm.Event, now time.Time) error {
	if s := n.storage.Load(); s.outbox != nil {
		return s.outbox.Forward(list, now)
	}
	return nil
}

// holds returns the labels for which an expression is true in the poll of a target.
func (d *daemon) holds(expr string, report poller.Report) (list []map[string]string, err error) {
	found, err := d.evaluator.Try(context.Background(), &rules.Trial{Expr: expr, Polls: []poller.Report{report}})
	if err != nil {
		return nil, err
	}
	for i := range found.Matches {
		list = append(list, found.Matches[i].Labels)
	}
	return list, nil
}

// ended hands a poll to the rules, and to the alarms of traps that end by it.
func (d *daemon) ended(report poller.Report) {
	d.outages.ended(report) // before alerts are evaluated
	counted, _ := d.listener.Counted(report)
	d.evaluator.Ended(counted)
	d.listener.Ended(report)
}

// judge has the rules look at the counts of a target's notifications.
func (d *daemon) judge(ctx context.Context, target string) error {
	for held := true; held; {
		report, err := d.poller.Afresh(ctx, target)
		if err != nil || report.Last == nil {
			return err
		}
		report, held = d.listener.Counted(report)
		d.evaluator.Ended(report)
		select {
		case <-time.After(sampleTime):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// sampleTime is longer than the resolution of the times of samples.
const sampleTime = 2 * time.Millisecond

// refresh polls a target now, or rows of it.
func (d *daemon) refresh(ctx context.Context, target string, rows *poller.Rows) error {
	if rows == nil {
		return d.poller.PollNow(ctx, target)
	}
	return d.poller.Refresh(ctx, target, rows)
}

// engineTime is how often the SNMPv3 engines of targets are looked up at most.
const engineTime = time.Minute

// engineFinder returns a function that finds the target with an SNMPv3 engine, as far as polls know it.
func (d *daemon) engineFinder(targets []*poller.Target) func(id []byte) string {
	var mu sync.Mutex
	var known map[string]string
	var at time.Time
	return func(id []byte) string {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) >= engineTime {
			known, at = map[string]string{}, time.Now()
			for _, t := range targets {
				if engine := d.engineOf(t); engine != "" {
					known[engine] = t.Name
				}
			}
		}
		return known[string(id)]
	}
}

// engineOf returns the ID of the SNMPv3 engine of a target, "" if it is not known.
func (d *daemon) engineOf(t *poller.Target) string {
	if t.Spec.Auth == nil || t.Spec.Auth.Version != 3 {
		return ""
	}
	session, err := d.polls.Open(t.Spec)
	if err != nil {
		return ""
	}
	if s, ok := session.(interface{ SNMPEngine() ([]byte, int32, bool) }); ok {
		id, _, _ := s.SNMPEngine()
		return string(id)
	}
	return ""
}
