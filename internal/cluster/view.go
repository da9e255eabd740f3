package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/desk"
	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/plan"
	"trapline/internal/cluster/settings"
	"trapline/internal/cluster/watch"
)

// view is the cluster as a member knows it. It may be late: whatever is written is compared in the engine.
type view struct {
	keys keys

	mu          sync.Mutex
	loaded      bool
	revision    int64
	members     map[string]Member
	owners      map[string]ownership
	alive       map[string]time.Time
	costs       map[string]map[string]float64 // member → shard → cost
	coordinator ownership
	format      format
	plan        plan.Plan
	planned     bool
	skew        map[string]time.Duration   // of members' wall clocks
	behind      map[string]time.Duration   // the same, as measured last
	lates       map[string]map[string]late // by shard and ID: see Cluster.Late
	common      map[string][]byte          // the rows that all members know
	zones       map[string]bool            // that have, or had, shards with an owner
	arrived     map[string]map[string]bool // batches by shard
	given       map[string]desk.Given      // batches of single processes
	changes     uint64                     // of common
	subscribers []chan<- struct{}
}

// late is a late send as the engine has it. Another one of the same event replaces it.
type late struct {
	text     []byte
	revision int64
}

type ownership struct {
	member string
	lease  clientv3.LeaseID
}

func newView(k keys) *view {
	v := &view{keys: k}
	v.clear()
	return v
}

func (v *view) clear() {
	v.members, v.owners = map[string]Member{}, map[string]ownership{}
	v.alive, v.costs = map[string]time.Time{}, map[string]map[string]float64{}
	v.skew, v.behind = map[string]time.Duration{}, map[string]time.Duration{}
	v.coordinator, v.format, v.plan, v.planned = ownership{}, format{}, plan.Plan{}, false
	v.lates, v.common = map[string]map[string]late{}, map[string][]byte{}
	v.zones = map[string]bool{}
	v.arrived, v.given = map[string]map[string]bool{}, map[string]desk.Given{}
	v.changes++
}

// subscribe has a channel signaled at each change.
func (v *view) subscribe(ch chan<- struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.subscribers = append(v.subscribers, ch)
}

// changed expects v.mu to be held.
func (v *view) changed() {
	for _, ch := range v.subscribers {
		notice(ch)
	}
}

func notice(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (v *view) owner(shard string) (Member, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o, ok := v.owners[shard]
	if !ok {
		return Member{}, false
	}
	m, ok := v.members[o.member]
	return m, ok
}

// watch keeps the view until ctx is canceled.
func (c *Cluster) watch(ctx context.Context) error {
	first, end := c.keys.watched()
	return watch.Follow(ctx, c.engine, watch.Range{First: first, End: end, Load: func(revision int64, kvs []*mvccpb.KeyValue) {
		if revision < c.view.lastRevision() {
			c.rewound()
		}
		c.view.load(revision, kvs)
	}, Apply: func(revision int64, events []*clientv3.Event) {
		c.view.apply(revision, events)
		for _, one := range events {
			if one.Type == clientv3.EventTypeDelete && string(one.Kv.Key) == c.keys.member(c.settings.Member) {
				notice(c.session.suspect)
			}
		}
	}}, c.log)
}

// rewound notes that the engine is as it was before, as after the restore of a backup. Numbers that were given since then are given to
// no other event, and all shards are read anew.
func (c *Cluster) rewound() {
	c.log.Error("the engine has gone back to an earlier state: what was stored since then is lost, or done once more")
	c.mu.Lock()
	c.fence.Skip()
	c.mu.Unlock()
	c.loseAll()
}

func (v *view) load(revision int64, kvs []*mvccpb.KeyValue) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	for _, kv := range kvs {
		v.put(kv, false)
	}
	v.loaded, v.revision = true, revision
	v.changed()
}

func (v *view) apply(revision int64, events []*clientv3.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			v.delete(string(e.Kv.Key))
		} else {
			v.put(e.Kv, true)
		}
	}
	v.revision = max(v.revision, revision)
	if len(events) > 0 {
		v.changed()
	}
}

// measure notes by how much a member's wall clock is behind: the less of two measures, for a watch may be late once.
func (v *view) measure(member string, behind time.Duration) {
	v.skew[member] = behind
	if last, ok := v.behind[member]; ok && last.Abs() < behind.Abs() {
		v.skew[member] = last
	}
	v.behind[member] = behind
}

// put notes a key. A value that cannot be read is left out: it may be of a newer version. So is what members attach to their sessions and
// has none: it was copied from another engine, and nobody would ever remove it.
func (v *view) put(kv *mvccpb.KeyValue, live bool) {
	is, name := v.keys.cut(string(kv.Key))
	if kv.Lease == 0 && (is == "members" || is == "own" || is == "coordinator") {
		v.delete(string(kv.Key))
		return
	}
	switch is {
	case "members":
		var m Member
		if settings.Plain(name) && json.Unmarshal(kv.Value, &m) == nil {
			m.Name = name
			v.members[name] = m
		}
	case "own":
		v.owners[unescape(name)] = ownership{string(kv.Value), clientv3.LeaseID(kv.Lease)}
	case "held":
		if zone, ok := plan.Zone(unescape(name)); ok {
			v.zones[zone] = true
		}
	case "format":
		_ = json.Unmarshal(kv.Value, &v.format) // one that cannot be read is refused when joining
	case "coordinator":
		v.coordinator = ownership{string(kv.Value), clientv3.LeaseID(kv.Lease)}
	case "plan":
		var p plan.Plan
		if json.Unmarshal(kv.Value, &p) == nil {
			v.plan, v.planned = p, true
		}
	case "alive":
		if at, err := time.Parse(time.RFC3339Nano, string(kv.Value)); err == nil {
			v.alive[name] = at
			if live {
				v.measure(name, time.Since(at))
			}
		}
	case "late":
		shard, id := cutLate(name)
		if v.lates[shard] == nil {
			v.lates[shard] = map[string]late{}
		}
		v.lates[shard][id] = late{kv.Value, kv.ModRevision}
	case "common":
		v.common[name] = kv.Value
		v.changes++
	case "arrivals":
		shard, batch := cutArrival(name)
		if v.arrived[shard] == nil {
			v.arrived[shard] = map[string]bool{}
		}
		v.arrived[shard][batch] = true
	case "given":
		var g desk.Given
		_ = json.Unmarshal(kv.Value, &g) // one that cannot be read is incomplete
		v.given[name] = g
	case "cost":
		var of cost
		if json.Unmarshal(kv.Value, &of) == nil {
			v.costs[name] = of.Shards
		}
	}
}

func (v *view) delete(key string) {
	is, name := v.keys.cut(key)
	switch is {
	case "members":
		delete(v.members, name)
		delete(v.skew, name)
		delete(v.behind, name)
	case "own":
		delete(v.owners, unescape(name))
	case "coordinator":
		v.coordinator = ownership{}
	case "plan":
		v.plan, v.planned = plan.Plan{}, false
	case "alive":
		delete(v.alive, name)
	case "late":
		shard, id := cutLate(name)
		if delete(v.lates[shard], id); len(v.lates[shard]) == 0 {
			delete(v.lates, shard)
		}
	case "common":
		delete(v.common, name)
		v.changes++
	case "arrivals":
		shard, batch := cutArrival(name)
		if delete(v.arrived[shard], batch); len(v.arrived[shard]) == 0 {
			delete(v.arrived, shard)
		}
	case "given":
		delete(v.given, name)
	case "cost":
		delete(v.costs, name)
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

// livingMembers returns the members for a plan.
func (v *view) livingMembers() (members []plan.Member) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.members {
		members = append(members, plan.Member{Name: m.Name, Zone: m.Zone, Weight: m.Weight, Draining: m.Draining})
	}
	return members
}

// costsOf returns the cost of each shard, as its owner has measured it. Until that has, it is as somebody else did.
func (v *view) costsOf() map[string]float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := map[string]float64{}
	for _, member := range slices.Sorted(maps.Keys(v.costs)) {
		for shard, cost := range v.costs[member] {
			if _, known := all[shard]; !known || v.owners[shard].member == member {
				all[shard] = cost
			}
		}
	}
	return all
}

// readPlan reads the plan from the engine itself.
func (c *Cluster) readPlan(ctx context.Context) (plan.Plan, error) {
	r, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.GetResponse, error) {
		return e.Get(ctx, c.keys.plan())
	})
	if err != nil || len(r.Kvs) == 0 {
		return plan.Plan{}, err
	}
	var p plan.Plan
	if err := json.Unmarshal(r.Kvs[0].Value, &p); err != nil {
		return plan.Plan{}, fmt.Errorf("cannot read the plan: %w", err)
	}
	return p, nil
}

// giving returns the names of living members whose alarms are on their way to the shards.
func (v *view) giving() (names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.members {
		if m.Gives {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names
}

// arrivals returns the batches that the owners of shards may take over.
func (v *view) arrivals() map[string][]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all map[string][]string
	for shard, batches := range v.arrived {
		for batch := range batches {
			if g, process := v.given[batch]; process && !(g.Complete && slices.Contains(g.Shards, shard)) {
				continue
			}
			if all == nil {
				all = map[string][]string{}
			}
			all[shard] = append(all[shard], batch)
		}
	}
	return all
}

func cutArrival(name string) (shard, batch string) {
	shard, batch, _ = strings.Cut(name, "/")
	return unescape(shard), batch
}
