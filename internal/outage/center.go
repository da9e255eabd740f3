package outage

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/cluster/peer"
	"trapline/internal/mute"
	"trapline/internal/neighbours"
	"trapline/internal/topology"
)

const (
	// gatherTime bounds how long a new center waits for the reports of the owners of all devices.
	gatherTime = 15 * time.Second
	// keptTime is how long a device counts as down by the alerts of its owner before, beside two intervals: then those of
	// the new one have been evaluated.
	keptTime = 30 * time.Second
)

// center computes the outages of all members, where this one holds the shard of the whole cluster. It knows what they report, and
// begins anew where another one did this before.
type center struct {
	members Members
	due     chan struct{} // members are to be woken

	mu       sync.Mutex
	settings *topology.Settings
	devices  map[string]topology.Device
	list     []topology.Device
	closed   map[string]string
	links    [][2]string

	generation uint64 // 0: this member is not the center
	start      time.Time
	tracker    *topology.Tracker
	computes   bool
	reporters  map[string]*reporter // by name
	owner      map[string]string    // the member that claimed each shard last
	failing    map[string]bool      // devices whose last poll had no answer
	said       map[string]bool      // devices that alerts say to be down, those of owners that are gone included
	kept       map[string]time.Time // those that the owner before said, and until when they count

	version uint64
	of      map[string]changed
	alarms  map[string]changedAlarm
	linked  []neighbours.Link // which links are about
	linkOf  map[neighbours.Ends]changedLink
}

// reporter is a member with its last report.
type reporter struct {
	run, number    uint64
	shards, said   map[string]bool
	known, version uint64 // of the outages that it has, and of the last answer
	first          uint64 // the number of the first of asks
	asks           []string
	unsent         bool // some of asks were in no answer
	woken          bool // since its last report
}

// changed is the outage of a device since a version. One without a kind is over.
type changed struct {
	cause.Outage
	at uint64
}

// changedAlarm is the alarm about a device since a version; nil if it is over.
type changedAlarm struct {
	alarm *alarm.Alarm
	at    uint64
}

func newCenter(m Members) *center {
	return &center{members: m, due: make(chan struct{}, 1), settings: &topology.Settings{}}
}

// holds reports whether this member is the center, which it begins or ends to be by that. The mutex must be held.
func (c *center) holds() bool {
	name := c.members.Name()
	switch holds := name != "" && c.members.Holder("").Name == name; {
	case !holds:
		c.generation, c.tracker, c.reporters, c.owner, c.failing, c.said, c.kept, c.of, c.alarms, c.linkOf = 0, nil, nil, nil, nil, nil, nil, nil, nil, nil
	case c.generation == 0:
		c.generation, c.start, c.tracker, c.computes, c.version = 1+rand.Uint64N(1<<53), time.Now(), topology.NewTracker(), false, 0
		c.reporters, c.owner, c.failing, c.said, c.kept, c.of = map[string]*reporter{}, map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]time.Time{}, map[string]changed{}
		c.alarms, c.linkOf = map[string]changedAlarm{}, map[neighbours.Ends]changedLink{}
		_ = c.tracker.Configure(c.settings, c.list) // which the tracker of this member has accepted
		c.tracker.Maintain(c.closed)
		c.tracker.SetLinks(c.links)
		c.relink()
	}
	return c.generation != 0
}

// is reports whether this member is the center.
func (c *center) is() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holds()
}

// configure applies a configuration that was accepted.
func (c *center) configure(s *topology.Settings, list []topology.Device) {
	devices := make(map[string]topology.Device, len(list))
	for _, d := range list {
		devices[d.Name] = d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.devices
	if c.settings, c.list, c.devices = s, list, devices; c.generation == 0 {
		return
	}
	_ = c.tracker.Configure(s, list)
	for name := range c.failing { // which other members have known for longer
		if before[name].Name == "" && devices[name].Name != "" {
			c.tracker.Ended(topology.Poll{Device: name, Began: c.start.Add(longAgo)}, time.Now())
		}
	}
}

// maintain has the center know which devices are in maintenance.
func (c *center) maintain(closed map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed = closed; c.generation != 0 {
		c.tracker.Maintain(closed)
	}
}

// answer takes a report, and returns the answer; nil where this member is not the center.
func (c *center) answer(r *report) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holds() {
		return nil
	}
	now := time.Now()
	a := &answer{Generation: c.generation, Clock: now.Sub(c.start)}
	from := c.reporters[r.Member]
	switch {
	case r.Generation == 0 && (from == nil || from.run != r.Run || r.Number > from.number):
		before := from
		if from = (&reporter{run: r.Run, shards: map[string]bool{}, said: map[string]bool{}}); before != nil {
			from.asks = before.asks
		}
		c.reporters[r.Member] = from
	case r.Generation != c.generation || from == nil || from.run != r.Run || r.Number <= from.number:
		a.Everything = true
		return a
	}
	from.number, from.known, from.woken = r.Number, r.Version, false
	if r.Asked > from.first {
		done := min(r.Asked-from.first, uint64(len(from.asks)))
		from.first, from.asks = from.first+done, from.asks[done:]
	}
	c.take(r, from, now)
	c.compute(now)
	c.fill(a, from)
	return a
}

// take notes a report.
func (c *center) take(r *report, from *reporter, now time.Time) {
	shardOf := c.members.ShardOf()
	note := func(name string, said bool) {
		if said {
			from.said[name] = true
		} else {
			delete(from.said, name)
		}
		if shard := shardOf(name); c.owner[shard] == r.Member && from.shards[shard] {
			mark(c.said, name, said)
			delete(c.kept, name)
		}
	}
	claimed := map[string]string{}
	if r.Claims {
		shards := make(map[string]bool, len(r.Shards))
		for _, shard := range r.Shards {
			if shards[shard] = true; !from.shards[shard] || c.owner[shard] != r.Member {
				claimed[shard] = r.Member
			}
		}
		for shard := range from.shards {
			if !shards[shard] && c.owner[shard] == r.Member {
				for name, other := range c.reporters {
					if name != r.Member && other.shards[shard] {
						claimed[shard] = name
					}
				}
			}
		}
		from.shards = shards
	}
	for _, name := range r.Said {
		note(name, true)
	}
	for _, name := range r.Ended {
		note(name, false)
	}
	c.claim(claimed, shardOf, now)
	for name, one := range r.Alarms {
		if shard := shardOf(name); c.owner[shard] == r.Member && from.shards[shard] {
			c.version++
			c.alarms[name] = changedAlarm{one, c.version}
		}
	}
	for i := range r.Polls {
		p := &r.Polls[i]
		mark(c.failing, p.Device, !p.Up)
		if _, kept := c.kept[p.Device]; kept && p.Up {
			c.lapse(p.Device)
		}
		c.tracker.Ended(topology.Poll{Device: p.Device, Began: c.start.Add(p.Began), Up: p.Up}, now)
	}
}

func mark(all map[string]bool, name string, is bool) {
	if is {
		all[name] = true
	} else {
		delete(all, name)
	}
}

// set sets a value in a map that may be nil.
func set[V any, M ~map[string]V](m *M, key string, value V) {
	if *m == nil {
		*m = M{}
	}
	(*m)[key] = value
}

// claim notes the owners of shards. A device that only the owner before said to be down is kept until the new one has
// polled it: its alerts may not have been evaluated yet.
func (c *center) claim(claimed map[string]string, shardOf func(string) string, now time.Time) {
	if len(claimed) == 0 {
		return
	}
	maps.Copy(c.owner, claimed)
	for name := range c.said {
		if by := c.reporters[claimed[shardOf(name)]]; by != nil && !by.said[name] {
			c.kept[name] = now.Add(2*c.devices[name].Interval + keptTime)
		}
	}
	for name, one := range c.alarms {
		if claimed[shardOf(name)] != "" && one.alarm != nil {
			c.version++
			c.alarms[name] = changedAlarm{at: c.version}
		}
	}
	for _, member := range slices.Compact(slices.Sorted(maps.Values(claimed))) {
		for name := range c.reporters[member].said {
			if claimed[shardOf(name)] == member {
				c.said[name] = true
				delete(c.kept, name)
			}
		}
	}
}

// lapse has a device count as down only if its owner says so.
func (c *center) lapse(name string) {
	delete(c.kept, name)
	if by := c.reporters[c.owner[c.members.ShardOf()(name)]]; by == nil || !by.said[name] {
		delete(c.said, name)
	}
}

// whole reports whether each device has an owner that has reported.
func (c *center) whole() bool {
	shardOf := c.members.ShardOf()
	for name := range c.devices {
		if c.owner[shardOf(name)] == "" {
			return false
		}
	}
	return true
}

// compute computes the outages, and has members woken whom they concern.
func (c *center) compute(now time.Time) {
	for name, until := range c.kept {
		if !now.Before(until) {
			c.lapse(name)
		}
	}
	if !c.computes {
		if !c.whole() && now.Sub(c.start) < gatherTime {
			return
		}
		c.computes = true
		o := c.tracker.Start(c.said, now)
		c.note(o)
		for _, name := range slices.Sorted(maps.Keys(o.Of)) { // a process that starts polls all
			if o.Of[name].Kind == mute.ByRecovery {
				c.ask(name)
			}
		}
	}
	if o, changed := c.tracker.Outages(c.said, now); changed {
		c.note(o)
	}
	for _, name := range c.tracker.Asks() {
		c.ask(name)
	}
	for _, r := range c.reporters {
		if !r.woken && (r.unsent || r.version < c.version) {
			signal(c.due)
			return
		}
	}
}

// ask has the owner of a device poll it.
func (c *center) ask(name string) {
	r := c.reporters[c.owner[c.members.ShardOf()(name)]]
	if r != nil && len(r.asks) < maxAsks {
		r.asks, r.unsent = append(r.asks, name), true
	}
}

// note notes how the outages have changed.
func (c *center) note(o *cause.Outages) {
	next := c.version + 1
	for name, one := range o.Of {
		if c.of[name].Outage != one {
			c.of[name], c.version = changed{one, next}, next
		}
	}
	for name, one := range c.of {
		if _, is := o.Of[name]; !is && one.Kind != "" {
			c.of[name], c.version = changed{at: next}, next
		}
	}
	known := c.version
	for _, r := range c.reporters {
		if r.known > 0 { // else it is sent all
			known = min(known, r.known)
		}
	}
	maps.DeleteFunc(c.of, func(_ string, one changed) bool { return one.Kind == "" && one.at <= known })
	maps.DeleteFunc(c.alarms, func(_ string, one changedAlarm) bool { return one.alarm == nil && one.at <= known })
	maps.DeleteFunc(c.linkOf, func(_ neighbours.Ends, one changedLink) bool { return one.Link == nil && one.at <= known })
}

// fill has an answer say what its member does not know.
func (c *center) fill(a *answer, r *reporter) {
	a.First, a.Asks, r.unsent = r.first, r.asks, false
	if a.Computes = c.computes; !c.computes {
		return
	}
	a.Since, a.Version = r.known, c.version
	r.version = c.version
	if r.known == c.version {
		return
	}
	groups := map[cause.Outage]*group{}
	for name, one := range c.of {
		switch {
		case one.at <= r.known:
		case one.Kind == "" && r.known > 0:
			a.Over = append(a.Over, name)
		case one.Kind != "":
			g := groups[one.Outage]
			if g == nil {
				g = &group{Kind: one.Kind, Name: one.Name}
				groups[one.Outage] = g
			}
			g.Devices = append(g.Devices, name)
		}
	}
	c.fillLinks(a, r.known)
	for name, one := range c.alarms {
		if one.at > r.known {
			set(&a.Alarms, name, one.alarm)
		}
	}
	for _, g := range groups {
		a.Outages = append(a.Outages, *g)
	}
	slices.SortFunc(a.Outages, func(x, y group) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name)) })
}

// wakes returns the members that are to ask for another answer.
func (c *center) wakes() (list []peer.Member) {
	others := c.members.Peers()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == 0 {
		return nil
	}
	lives := map[string]bool{c.members.Name(): true}
	for _, other := range append(others, peer.Member{Name: c.members.Name()}) {
		lives[other.Name] = true
		if r := c.reporters[other.Name]; r != nil && !r.woken && (r.unsent || r.version < c.version) {
			r.woken = true
			list = append(list, other)
		}
	}
	maps.DeleteFunc(c.reporters, func(name string, _ *reporter) bool { return !lives[name] })
	return list
}

// run has outages follow the time, and members woken, until ctx is canceled.
func (c *center) run(ctx context.Context, wake func(context.Context, peer.Member)) {
	var waking sync.WaitGroup
	defer waking.Wait()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.mu.Lock()
			if c.holds() {
				c.compute(time.Now())
			}
			c.mu.Unlock()
		case <-c.due:
		}
		for _, m := range c.wakes() {
			waking.Go(func() { wake(ctx, m) })
		}
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
