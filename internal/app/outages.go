package app

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"trapline/config"
	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/client"
	"trapline/internal/member"
	"trapline/internal/mute"
	"trapline/internal/outage"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/statedir"
	"trapline/internal/topology"
)

// outages has the alarms of devices muted that do not answer because others do not.
type outages struct {
	notifier *notifier
	pending  func(wanted func(name string) bool) []alarm.Alarm // of alerts that are pending
	again    func(target string)                               // has a target polled again, at once

	wanted atomic.Uint64 // updates
	mu     sync.Mutex
	done   uint64          // updates that are done; guarded by mu
	said   map[string]bool // devices that alerts say to be down; guarded by mu
	mutes  *mute.Set       // whose windows the tracker knows; guarded by mu
}

// newTracker returns a tracker of devices; m is nil without a cluster.
func newTracker(m *member.Member, logger *slog.Logger) *outage.Tracker {
	if m == nil { // an interface with a nil pointer in it is not nil
		return outage.NewTracker(nil, logger)
	}
	return outage.NewTracker(m, logger)
}

// devicesOf returns the devices of a configuration.
func devicesOf(c *config.Config) (list []topology.Device) {
	list = make([]topology.Device, 0, len(c.Targets))
	for i := range c.Targets {
		t := &c.Targets[i]
		retries := client.DefaultRetries
		for _, set := range []*int{c.Global.Retries, t.Retries} {
			if set != nil {
				retries = *set
			}
		}
		timeout := cmp.Or(t.Timeout.Duration, c.Global.Timeout.Duration, client.DefaultTimeout)
		list = append(list, topology.Device{
			Name: t.Name, Parents: t.Parents, Interval: cmp.Or(t.Interval.Duration, c.Global.Interval.Duration, poller.DefaultInterval),
			Budget: time.Duration(1+retries) * timeout,
		})
	}
	return list
}

// startOutages returns the outages that follow from the alarms that were active when the last process ended.
func (n *notifier) startOutages(s *statedir.Dir, c *config.Config, mutes *mute.Rules, down outbox.DownOf) *cause.Outages {
	n.links.restore(s)
	n.links.configure(c)
	if !n.tracker.Linked() {
		return nil
	}
	now := time.Now()
	n.tracker.Maintain(mute.NewSet(nil, mutes).Pass(now).Set.Maintained(downLike(n.tracker.Down())))
	return n.tracker.Start(down(n.tracker.Down()), now)
}

// configure applies a configuration that was accepted.
func (o *outages) configure(c *config.Config) {
	if err := o.notifier.tracker.Configure(&c.Topology, devicesOf(c)); err != nil {
		o.notifier.logger.Error("the topology stays as it was", "err", err)
	}
	o.notifier.links.configure(c)
}

// ended notes a poll.
func (o *outages) ended(r poller.Report) {
	t := o.notifier.tracker
	if r.Last != nil && t.Ended(topology.Poll{Device: r.Target.Name, Began: r.Last.Start, Up: r.Last.Up}, time.Now()) {
		o.update(false)
	}
}

// update has the outbox know the outages. Those who wait for an update share the next one.
func (o *outages) update(alerts bool) {
	number := o.wanted.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done >= number && !alerts {
		return
	}
	s, t := o.notifier.storage.Load(), o.notifier.tracker
	if s.outbox == nil || !t.Linked() && len(o.said) == 0 {
		return
	}
	o.done = o.wanted.Load()
	if alerts {
		t.Look()
		o.maintain(s.outbox.Mutes())
		o.said = s.outbox.Down(t.Down())
		o.addPending(s.outbox.Mutes(), t.Down())
	}
	if causes := t.Causes(); len(causes) > 0 || alerts && causes != nil {
		t.SetAlarms(s.outbox.DownAlarms(causes))
	}
	now := time.Now()
	next, changed := t.Outages(o.said, now)
	for _, name := range t.Asks() {
		o.again(name)
	}
	if !changed {
		return
	}
	if err := s.outbox.SetOutages(next, now); err != nil {
		o.notifier.logger.Error("what is muted by outages cannot be stored, the next poll tries again", "err", err)
	}
}

// addPending adds the targets of which pending alerts say that they are down.
func (o *outages) addPending(set *mute.Set, down mute.Matchers) {
	named := func(name string) bool {
		return !slices.ContainsFunc(down, func(m *labels.Matcher) bool { return m.Name == "alertname" && !m.Matches(name) })
	}
	pending := o.pending(named)
	for i := range pending {
		if a := &pending[i]; a.Target != "" && set.Labels(a).Match(down) {
			o.said[a.Target] = true
		}
	}
}

// maintain has the tracker know which targets are in maintenance.
func (o *outages) maintain(set *mute.Set) {
	before := o.mutes
	if o.mutes = set; before == set || before != nil && before.SameTargets(set) && slices.Equal(before.Open(), set.Open()) {
		return
	}
	o.notifier.tracker.Maintain(set.Maintained(downLike(o.notifier.tracker.Down())))
}

// downLike returns an alarm as those that matchers select: windows are compared with it.
func downLike(m mute.Matchers) alarm.Alarm {
	a := alarm.Alarm{Rule: "DeviceDown", Severity: alarm.Critical}
	for _, one := range m {
		if one.Name == "alertname" && one.Type.String() == "=" {
			a.Rule = one.Value
		}
	}
	return a
}

// outageTime is how often alerts are looked at.
const outageTime = time.Second

// Run updates the outages as time passes, and alerts begin and end.
func (o *outages) Run(ctx context.Context) error {
	tick := time.NewTicker(outageTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			o.notifier.links.update(o.notifier.storage.Load().state)
			o.update(true)
		case <-o.notifier.tracker.Changed():
			o.update(false)
		}
	}
}
