package app

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"trapline/config"
	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/client"
	"trapline/internal/mute"
	"trapline/internal/poller"
	"trapline/internal/statedir"
	"trapline/internal/topology"
)

// outages has the alarms of devices muted that do not answer because others do not.
type outages struct {
	notifier *notifier
	pending  func() []alarm.Alarm // of alerts that are pending
	again    func(target string)  // has a target polled again, at once

	wanted atomic.Uint64 // updates
	mu     sync.Mutex
	done   uint64          // updates that are done; guarded by mu
	said   map[string]bool // devices that alerts say to be down; guarded by mu
}

// devicesOf returns the devices of a configuration.
func devicesOf(c *config.Config) (list []topology.Device) {
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
func (n *notifier) startOutages(s *statedir.Dir, c *config.Config, active []alarm.Alarm) *cause.Outages {
	n.links.restore(s)
	n.links.configure(c)
	if !n.tracker.Linked() {
		return nil
	}
	return n.tracker.Start(saidBy(n.tracker.Down(), active), time.Now())
}

// saidBy returns the devices of which alarms say that they are down.
func saidBy(down mute.Matchers, alarms ...[]alarm.Alarm) map[string]bool {
	said := map[string]bool{}
	for _, list := range alarms {
		for i := range list {
			if l := (mute.Labels{Alarm: &list[i]}); list[i].Target != "" && l.Match(down) {
				said[list[i].Target] = true
			}
		}
	}
	return said
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
		o.said = saidBy(t.Down(), o.pending(), s.outbox.Active())
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
		}
	}
}
