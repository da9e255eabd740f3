package cluster

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
)

const (
	aliveEvery = 10 * time.Second
	costEvery  = time.Minute
	minLead    = 10 * time.Second // how long a leader leads at least
	maxSkew    = time.Second
)

// report writes alive/M and cost/M. The voter that leads the engine writes alive/M every second, and hands its leadership
// over if that is slow.
func (c *Cluster) report(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var r reporter
	for {
		r.second(ctx, c)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type reporter struct {
	alive, costs time.Duration // when they were written last
	led          time.Duration // since when this member leads; 0: it does not
	slow         engine.Slow
	skewed       map[string]bool
}

// second writes all that is due.
func (r *reporter) second(ctx context.Context, c *Cluster) {
	c.compareConfigs()
	if c.config.Dir != "" {
		c.rememberOwned()
	}
	now := c.clock()
	lease, usable := c.session.usable()
	if !usable {
		return
	}
	switch {
	case !c.engine.Leads():
		r.led = 0
	case r.led == 0:
		r.led = now
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	if now-r.alive >= aliveEvery || r.led != 0 {
		begun := c.clock()
		if c.put(ctx, r.led != 0, c.keys.alive(c.settings.Member), wallClock()) == nil {
			r.alive = now
		}
		r.observe(c, c.measured(c.clock()-begun))
	}
	if now-r.costs >= costEvery && c.config.Costs != nil {
		if costs := c.config.Costs(); costs != nil && c.put(ctx, false, c.keys.cost(c.settings.Member), encode(cost{costs}), clientv3.WithLease(lease)) == nil {
			r.costs = now
		}
	}
	r.compareClocks(c)
}

// observe hands the leadership over after two slow writes.
func (r *reporter) observe(c *Cluster, took time.Duration) {
	if r.led == 0 || !r.slow.Observe(took, c.settings.Lease.Duration) || c.clock()-r.led < minLead {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.settings.Lease.Duration)
	defer cancel()
	c.log.Warn("this member leads the engine and writes slowly: another takes the lead", "took", took.Round(time.Millisecond))
	if err := c.engine.MoveLeader(ctx); err != nil {
		c.log.Warn("the lead of the engine cannot be handed over, will retry", "err", err)
	}
}

// put writes a key, by our own server alone if its duration is of interest.
func (c *Cluster) put(ctx context.Context, ownServer bool, key, value string, options ...clientv3.OpOption) error {
	if ownServer {
		client, err := c.engine.Own()
		if err != nil {
			return err
		}
		_, err = client.Put(ctx, key, value, options...)
		return err
	}
	_, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.PutResponse, error) {
		return e.Put(ctx, key, value, options...)
	})
	return err
}

// compareClocks warns of members whose wall clocks differ: times of alerts go from one to another.
func (r *reporter) compareClocks(c *Cluster) {
	if r.skewed == nil {
		r.skewed = map[string]bool{}
	}
	for member, skew := range c.view.skews() {
		far := skew.Abs() > maxSkew
		if far && !r.skewed[member] {
			c.log.Warn("the wall clock of a member differs: times of its alerts do too", "member", member, "by", skew.Round(time.Millisecond))
		}
		r.skewed[member] = far
	}
}

// skews returns by how much each member's wall clock is behind ours.
func (v *view) skews() map[string]time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	skews := make(map[string]time.Duration, len(v.skew))
	for member, skew := range v.skew {
		skews[member] = skew
	}
	return skews
}
