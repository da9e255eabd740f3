package cluster

import (
	"sync/atomic"
	"time"
)

// agreement is since when all living members have the same of something, by the clock; 0: they have not.
type agreement struct{ since atomic.Int64 }

// note notes whether they have the same now.
func (a *agreement) note(same bool, now time.Duration) {
	switch {
	case !same:
		a.since.Store(0)
	case a.since.Load() == 0:
		a.since.Store(int64(now))
	}
}

// lasts returns for how long they have had the same; 0 if they have not.
func (a *agreement) lasts(now time.Duration) time.Duration {
	since := a.since.Load()
	if since == 0 {
		return 0
	}
	return now - time.Duration(since)
}

// ConfigAgreed returns how long all living members have had the configuration of this member; 0 if one has another. Alarms of
// targets and rules that this member does not know are settled only then: a file that changes from member to member clears
// nothing.
func (c *Cluster) ConfigAgreed() time.Duration { return c.configs.lasts(c.clock()) }

// HomesAgreed returns how long all living members have had the same targets in the same shards, also those of lists; 0 if one has
// not. Alarms follow their targets to other shards only then.
func (c *Cluster) HomesAgreed() time.Duration { return c.homes.lasts(c.clock()) }

// compare notes since when all members agree with this one.
func (c *Cluster) compare() {
	now, self := c.clock(), c.self()
	c.configs.note(c.view.all(func(m *Member) bool { return m.Config == self.Config }), now)
	c.homes.note(c.view.all(func(m *Member) bool { return m.Homes == self.Homes }), now)
}

// all reports whether something is true of all living members, of which there is at least one.
func (v *view) all(is func(*Member) bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.members {
		if !is(&m) {
			return false
		}
	}
	return v.loaded && len(v.members) > 0
}
