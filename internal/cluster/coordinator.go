package cluster

import (
	"context"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/plan"
)

// compactEvery is how often the engine's history is removed: it is of no use, and would fill the quota.
const compactEvery = 30 * time.Second

// coordinator is the state of the member that writes the plan.
type coordinator struct {
	lease   clientv3.LeaseID
	planner *plan.Planner
	plan    plan.Plan // that was written last
	wrote   time.Duration
	awaited []string      // members whose alarms the first plan waits for
	since   time.Duration // when it began to wait for them; 0: it does not

	compacted time.Duration
	revision  int64 // at that time
}

// coordinate becomes the coordinator if there is none, and then writes the plan. It is advice: two coordinators for a moment
// harm nobody.
func (c *Cluster) coordinate(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	c.view.subscribe(changed)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	var k *coordinator
	for {
		wait := time.Second
		k = c.elected(ctx, k)
		if k != nil {
			wait = c.plan(ctx, k)
			if c.settings.Etcd == nil { // somebody's own has other clients, and compacts by itself
				c.compact(ctx, k)
			}
			c.raise(ctx)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
		}
	}
}

// elected returns the state of the coordinator if this member is the one, and applies if there is none.
func (c *Cluster) elected(ctx context.Context, k *coordinator) *coordinator {
	lease, usable := c.session.usable()
	holder, loaded := c.view.coordinating()
	switch {
	case !usable || !loaded:
		return nil
	case holder.lease == lease && k != nil && k.lease == lease:
		return k
	case holder.member != "" && holder.lease != lease:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	key := c.keys.coordinator()
	if holder.member == "" && !c.draining.Load() {
		_, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(key), "=", 0)},
			[]clientv3.Op{clientv3.OpPut(key, c.settings.Member, clientv3.WithLease(lease))}, nil)
		if err != nil {
			return nil
		}
		return nil // the view says who was the first
	}
	previous, err := c.readPlan(ctx)
	if err != nil { // a plan made anew would move everything
		c.log.Warn("the plan cannot be read, will retry", "err", err)
		return nil
	}
	c.log.Info("this member is the coordinator of the cluster")
	return &coordinator{lease: lease, planner: plan.NewPlanner(c.settings.Lease.Duration, c.settings.Members), plan: previous, wrote: c.clock(), compacted: c.clock()}
}

func (v *view) coordinating() (holder ownership, loaded bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.coordinator, v.loaded
}

// plan writes a plan if it differs from the one before, and returns when to ask again.
func (c *Cluster) plan(ctx context.Context, k *coordinator) time.Duration {
	if len(k.plan.Owners) == 0 && c.awaitsAlarms(k) {
		return time.Second
	}
	members := c.view.livingMembers()
	next, wait := k.planner.Next(c.clock(), k.plan, members, c.costed(k.plan))
	if wait == 0 || wait > time.Second {
		wait = time.Second
	}
	if len(next.Members) == 0 {
		return wait // when all leave, they come back to their own shards
	}
	if next.Equal(k.plan) && (c.clock()-k.wrote < seenWithin || c.view.follows(k.plan)) {
		return wait
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	r, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(c.keys.coordinator()), "=", k.lease)},
		[]clientv3.Op{clientv3.OpPut(c.keys.plan(), encode(next))}, nil)
	if err != nil {
		c.log.Warn("the plan cannot be written, will retry", "err", err)
		return 100 * time.Millisecond
	}
	if r.Succeeded {
		n := moved(k.plan, next)
		c.metrics.moves.Add(float64(n))
		if next.Equal(k.plan) {
			c.log.Warn("the engine had another plan of the cluster than its coordinator, which has written its own again")
		} else {
			c.log.Info("the plan of the cluster has changed", "members", next.Members, "joined", plan.Without(next.Members, k.plan.Members), "left", plan.Without(k.plan.Members, next.Members), "moved", n)
		}
		k.plan, k.wrote = next, c.clock()
	}
	return wait
}

// seenWithin is how long it takes at most until the members see a plan that was written.
const seenWithin = attemptWait

// follows reports whether the plan of the engine is this one.
func (v *view) follows(p plan.Plan) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.planned && v.plan.Equal(p)
}

// awaitWait bounds how long a first plan waits for alarms of single processes: nothing is polled meanwhile.
const awaitWait = 3 * time.Minute

// awaitsAlarms reports whether a first plan has to wait for alarms of single processes: else they would be raised anew.
func (c *Cluster) awaitsAlarms(k *coordinator) bool {
	names := c.view.giving()
	if k.since == 0 {
		k.since = c.clock()
	}
	if len(names) > 0 && c.clock()-k.since >= awaitWait {
		c.log.Error("the cluster begins without the alarms of members that were single processes, which have not given them", "members", names)
		return false
	}
	if len(names) > 0 && !slices.Equal(names, k.awaited) {
		c.log.Info("the cluster begins once the alarms of members that were single processes are taken over", "members", names)
	}
	k.awaited = names
	return len(names) > 0
}

// moved counts the shards that go from one member to another.
func moved(before, after plan.Plan) (n int) {
	for shard, owner := range after.Owners {
		if was := before.Owners[shard]; was != "" && was != owner {
			n++
		}
	}
	return n
}

// costed returns the shards of the configuration with their measured costs, and those of zones that it does not name
// any more: their alarms have an owner until they are settled.
func (c *Cluster) costed(previous plan.Plan) []plan.Shard {
	shards := c.shardsToOwn()
	measured := c.view.costsOf()
	cost, targets := 0.0, 0.0
	for _, s := range shards {
		if m, ok := measured[s.Name]; ok && s.Cost > 0 {
			cost += m
			targets += s.Cost
		}
	}
	perTarget := 1.0
	if targets > 0 && cost > 0 {
		perTarget = cost / targets
	}
	all := make([]plan.Shard, 0, len(shards))
	named := map[string]bool{}
	for _, s := range shards {
		named[s.Name] = true
		if m, ok := measured[s.Name]; ok {
			s.Cost = m
		} else {
			s.Cost *= perTarget
		}
		all = append(all, s)
	}
	for shard := range previous.Owners {
		if zone, ok := plan.Zone(shard); ok && !named[shard] {
			all = append(all, plan.Shard{Name: shard, Zone: zone})
		}
	}
	return all
}

// compact removes the history before the last compaction: watches are never so late.
func (c *Cluster) compact(ctx context.Context, k *coordinator) {
	now := c.clock()
	if now-k.compacted < compactEvery {
		return
	}
	before := k.revision
	k.compacted, k.revision = now, c.view.lastRevision()
	if before == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	_, _ = engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.CompactResponse, error) {
		return e.Compact(ctx, before)
	})
}

func (v *view) lastRevision() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.revision
}

// shardsToOwn returns the shards of the configuration, and the others of the zones that have members: a target that comes to any of these
// has an owner already.
func (c *Cluster) shardsToOwn() []plan.Shard {
	shards := slices.Clone(c.config.Shards())
	known := make(map[string]bool, len(shards))
	for _, s := range shards {
		known[s.Name] = true
	}
	var zones []string
	for _, m := range c.view.livingMembers() {
		zones = append(zones, m.Zone)
	}
	for _, s := range AllShards(zones...) {
		if !known[s.Name] && s.Zone != "" {
			shards = append(shards, s)
		}
	}
	return shards
}

// AllShards returns the shards of these zones, without targets, and that of rules over several targets.
func AllShards(zones ...string) []plan.Shard {
	shards := []plan.Shard{{Name: plan.Global}}
	for _, zone := range slices.Compact(slices.Sorted(slices.Values(zones))) {
		for n := range plan.Shards {
			shards = append(shards, plan.Shard{Name: plan.Name(zone, n), Zone: zone})
		}
	}
	return shards
}
