// Package member has a process poll its share of the targets: those of the shards that it owns in a cluster.
package member

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"trapline/internal/cluster"
	"trapline/internal/cluster/peer"
	"trapline/internal/cluster/plan"
	"trapline/internal/ledger"
	"trapline/internal/outbox/shards"
	"trapline/internal/poller"
	"trapline/internal/quorum"
	"trapline/internal/rules/fleet"
	"trapline/internal/runtimeconfig"
)

// Options say where a member is in the process. Functions may be called at any time.
type Options struct {
	Settings *cluster.Settings
	StateDir string
	Version  string
	Web      string // host and port of this member's own HTTP server; "" if they are not known
	Logger   *slog.Logger
	Polls    func() *poller.Poller
	Running  func() *runtimeconfig.Config
	EngineID func() []byte // of its SNMP engine; nil: it sends no traps
	Alarms   func() Alarms // nil: none are kept
	Rules    func() Rules
	// Local returns the store of the state directory, and a function that keeps a copy of its database; nil if there is none.
	Local   func() (local ledger.Store, keep func() error)
	Devices Devices
	Traps   func() Traps
	// Apply has Share called for the running configuration, and its targets polled, unless done says that this has
	// happened already when it is its turn.
	Apply func(done func() bool)
}

// Alarms are the alarms of the shards that a member owns, and whatever waits for receivers: those of an outbox.
type Alarms interface {
	// Settle waits for the end of the commit that is under way.
	Settle(ctx context.Context) error
	// Take loads those of a shard, and goes on with them.
	Take(ctx context.Context, shard string) error
	// Drop forgets them. Unless the shard was lost, it first waits for deliveries that are under way, for a short time.
	Drop(shard string, lost bool)
	// Repeat sends the last word about an alarm once more.
	Repeat(text []byte) error
	// SetInhibitors notes the alarms of all shards that inhibit others, as their records change.
	SetInhibitors(records []ledger.Write) error
	// SetSilences replaces the silences of the cluster, by the keys of their records.
	SetSilences(records map[string][]byte) error
}

// Rules are the alerts of the shards that a member owns: those of an evaluator.
type Rules interface {
	// Take loads those of a shard. Up to alive its last owner missed no evaluation; zero if there was none.
	Take(ctx context.Context, shard string, alive time.Time) error
	// Drop forgets them, and clears nothing.
	Drop(shard string)

	// Answer answers the request of another member for samples.
	Answer(ctx context.Context, r *fleet.Request) (*fleet.Answer, error)
	// Window returns the request for the samples that rules look back at, of targets that are taken over; nil: of none.
	Window(targets []string) *fleet.Request
	// Restore stores the answer.
	Restore(a *fleet.Answer) error
	// HeldRounds returns the rules over several targets that wait for the samples of all.
	HeldRounds() []fleet.Held
}

// Member is this process as a member of a cluster. A nil one, without a cluster, polls all targets: the methods that say so
// may be called.
type Member struct {
	options Options
	name    string
	cluster *cluster.Cluster
	server  *peer.Server
	client  *peer.Client
	changed chan struct{} // another configuration runs
	counted atomic.Pointer[counted]
	started time.Time
	gives   atomic.Bool // the alarms of the state directory are on their way to the shards
	left    left

	mu            sync.Mutex
	owned         map[string]bool // shards
	polled        map[string]bool // shards without an owner, which are polled and nothing else
	wants, shares uint64          // how often these have changed, and which of it is polled
	moving        moving
}

// Open opens the port for other members.
func Open(o Options) (*Member, error) {
	settings := o.Settings.WithDefaults()
	m := &Member{options: o, name: settings.Member, owned: map[string]bool{}, changed: make(chan struct{}, 1), started: time.Now()}
	certificates := (*peer.TLS)(settings.TLS)
	var err error
	if m.cluster, err = cluster.New(cluster.Config{
		Settings: settings, Dir: o.StateDir, Version: o.Version, Web: o.Web, Log: o.Logger,
		Hash: func() string { return o.Running().Shared() }, Homes: func() string { return m.count(o.Running()).homes }, Shards: func() []plan.Shard { return m.count(o.Running()).shards }, Costs: m.costs, EngineID: o.EngineID, Poll: m.poll, Gives: m.gives.Load, HandOver: m.handOver,
	}, m); err != nil {
		return nil, err
	}
	if m.client, err = peer.NewClient(m.name, certificates); err != nil {
		return nil, err
	}
	if m.server, err = peer.Listen(m.name, settings.Ports.Members, certificates, o.Logger); err != nil {
		return nil, err
	}
	return m, nil
}

// Collector has the metrics of the cluster.
func (m *Member) Collector() prometheus.Collector { return m.cluster }

// Close closes the port. m may be nil.
func (m *Member) Close() {
	if m != nil {
		m.server.Close()
		m.client.Close()
	}
}

// Serve answers requests of other members by a handler until ctx is canceled. changed is called when a connection changes its state.
func (m *Member) Serve(ctx context.Context, h http.Handler, changed func(net.Conn, http.ConnState)) error {
	return m.server.Run(ctx, h, changed)
}

// counted has the targets of a configuration by name, and their shards.
type counted struct {
	of     *runtimeconfig.Config
	shards []plan.Shard
	named  map[string]*poller.Target
	shard  map[string]string   // of each target
	having map[string][]string // names of the targets of each shard

	addressed map[string]*poller.Target // one for each address
	several   map[string]bool           // addresses of several
	zoned     bool                      // some have a zone
	homes     string                    // hash of shard
}

// count counts the targets of each shard, once for a configuration.
func (m *Member) count(w *runtimeconfig.Config) *counted {
	if c := m.counted.Load(); c != nil && c.of == w {
		return c
	}
	c := &counted{of: w, named: make(map[string]*poller.Target, len(w.Targets)), addressed: make(map[string]*poller.Target, len(w.Targets)), several: map[string]bool{},
		shard: make(map[string]string, len(w.Targets)), having: map[string][]string{}}
	zoneOf := map[string]string{} // of shards with targets
	var homes uint64              // in any order
	for _, t := range w.Targets {
		if c.addressed[t.Spec.Address] != nil {
			c.several[t.Spec.Address] = true
		}
		c.named[t.Name], c.addressed[t.Spec.Address] = t, t
		zone := cmp.Or(t.Zone, t.Labels[m.options.Settings.ZoneLabel])
		shard := plan.Of(zone, t.Name)
		c.shard[t.Name], c.having[shard] = shard, append(c.having[shard], t.Name)
		zoneOf[shard] = zone
		c.zoned = c.zoned || zone != ""
		h := fnv.New64a()
		_, _ = io.WriteString(h, t.Name+"\x00"+shard)
		homes += h.Sum64()
	}
	c.homes = strconv.FormatUint(homes, 16)
	c.shards = cluster.AllShards("") // alarms of targets that are no more lie there
	for i := range c.shards {
		c.shards[i].Cost = float64(len(c.having[c.shards[i].Name]))
	}
	for shard, zone := range zoneOf { // of which there may be as many as there are targets
		if zone != "" {
			c.shards = append(c.shards, plan.Shard{Name: shard, Zone: zone, Cost: float64(len(c.having[shard]))})
		}
	}
	m.counted.Store(c)
	return c
}

// shardOf returns the shard of a target. Those that the configuration does not have are without a zone.
func (m *Member) shardOf(target string) string { return m.count(m.options.Running()).shardOf(target) }

func (c *counted) shardOf(target string) string {
	if shard, ok := c.shard[target]; ok {
		return shard
	}
	return plan.Of("", target)
}

// ZonesWithout returns the zones that have targets, each with the number of those that no member polls because none of its
// members lives. here is false where this member is not the one to report it.
func (m *Member) ZonesWithout() (zones map[string]int, here bool) {
	if !m.cluster.MaySend() || !m.cluster.Owns(plan.Global) {
		return nil, false
	}
	return m.cluster.ZonesWithout(), true
}

// passCost is the cost of a poll in variable bindings, beside those that it brings.
const passCost = 50

// costs returns the cost of each owned shard, in variable bindings per second.
func (m *Member) costs() map[string]float64 {
	m.mu.Lock()
	all := make(map[string]float64, len(m.owned))
	for shard := range m.owned {
		all[shard] = 0
	}
	m.mu.Unlock()
	for _, r := range m.options.Polls().Reports() {
		cost := float64(passCost)
		if r.Last != nil {
			cost += float64(r.Last.Stats.VarBinds)
		}
		shard := m.shardOf(r.Target.Name)
		if _, owned := all[shard]; owned {
			all[shard] += cost / max(r.Target.Interval, time.Millisecond).Seconds() // JSON has no infinite number
		}
	}
	return all
}

// Settle implements cluster.Settler.
func (m *Member) Settle(ctx context.Context) error {
	if alarms := m.options.Alarms(); alarms != nil {
		return alarms.Settle(ctx)
	}
	return nil
}

// Take takes over whatever has come into the inbox of a shard, goes on with its alarms, then with its alerts, then has its targets
// polled, and then takes the traps of their devices.
func (m *Member) Take(ctx context.Context, shard string, alive time.Time) error {
	traps := m.options.Traps()
	var fetching sync.WaitGroup
	fetching.Go(func() { traps.Fetch(ctx, shard, m.before(shard)) })
	err := m.take(ctx, shard, alive)
	fetching.Wait()
	if err == nil {
		traps.Accept(shard)
	}
	return err
}

// take does all of that but the last.
func (m *Member) take(ctx context.Context, shard string, alive time.Time) error {
	alive, err := m.receive(ctx, shard, alive)
	if err == nil {
		err = m.settle(ctx, shard, alive)
	}
	if err != nil {
		return err
	}
	if alarms := m.options.Alarms(); alarms != nil {
		if err := alarms.Take(ctx, shard); err != nil {
			return err
		}
	}
	if err := m.options.Rules().Take(ctx, shard, alive); err != nil {
		return err
	}
	m.left.forget(part{shard, false})
	m.left.forget(part{shard, true})
	m.restore(ctx, shard)
	m.change(shard, true)
	return nil
}

// Drop ends that, in the other order.
func (m *Member) Drop(shard string, lost bool) {
	if traps := m.options.Traps(); lost {
		traps.Lose(shard)
	} else if traps.Release(shard) {
		m.left.add(part{shard, true})
	}
	m.change(shard, false)
	m.options.Rules().Drop(shard)
	if alarms := m.options.Alarms(); alarms != nil {
		alarms.Drop(shard, lost)
	}
	if !lost && len(m.count(m.options.Running()).having[shard]) > 0 {
		m.left.add(part{shard, false})
	}
}

// Repeat implements cluster.Repeater.
func (m *Member) Repeat(text []byte) error {
	if alarms := m.options.Alarms(); alarms != nil {
		return alarms.Repeat(text)
	}
	return nil
}

// Copy implements cluster.Copier.
func (m *Member) Copy(rows []ledger.Write) error {
	if alarms := m.options.Alarms(); alarms != nil {
		return alarms.SetInhibitors(rows)
	}
	return nil
}

// Sharing returns the cluster as an outbox knows it, and the store of its shards; nil without a cluster.
func (m *Member) Sharing() (*shards.Cluster, ledger.Store) {
	if m == nil {
		return nil, nil
	}
	return &shards.Cluster{ID: m.cluster.ID, Member: m.name, Of: m.shardOf, MaySend: m.cluster.MaySend, Late: m.cluster.Late}, m.cluster
}

// quorumLeases is how many leases pass from the last answer of the voters to the alarm about that. A session lasts for nearly
// one of them.
const quorumLeases = 3

// Quorum returns the alarm about the quorum: see quorum.Options. Its receivers, and where it lies, are for others to say.
func (m *Member) Quorum() quorum.Options {
	after := (quorumLeases - 1) * m.options.Settings.WithDefaults().Lease.Duration
	return quorum.Options{Member: m.name, Reached: func() bool { return m.cluster.MaySend() && m.cluster.Stores() }, After: after, Logger: m.options.Logger}
}

// ShardOf returns a function that returns the shard of a target, and of no target that of the whole cluster; nil without a
// cluster.
func (m *Member) ShardOf() func(target string) string {
	if m == nil {
		return nil
	}
	return func(target string) string {
		if target == "" {
			return plan.Global
		}
		return m.shardOf(target)
	}
}

// ConfigAgreed returns how long all members have had the configuration of this one: see cluster.Cluster.
func (m *Member) ConfigAgreed() time.Duration { return m.cluster.ConfigAgreed() }

// follow has the silences that other members change apply here until ctx is canceled.
func (m *Member) follow(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	m.cluster.Subscribe(changed)
	var known uint64
	for {
		if records, changes := m.cluster.Common(); changes != known {
			alarms := m.options.Alarms()
			if alarms == nil || alarms.SetSilences(records) == nil { // else the next change tries again
				known = changes
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// change notes whether a shard is owned, and returns when its targets are polled, or not any more. Shards that change at the
// same time are applied together.
func (m *Member) change(shard string, owned bool) {
	m.apply(func() bool {
		if m.owned[shard] == owned {
			return false
		}
		if owned {
			m.owned[shard] = true
		} else {
			delete(m.owned, shard)
		}
		return true
	})
}

// poll has the targets of these shards polled, and nothing else done for them, in the place of those before.
func (m *Member) poll(shards []string) {
	m.apply(func() bool {
		m.polled = make(map[string]bool, len(shards))
		for _, shard := range shards {
			m.polled[shard] = true
		}
		return true
	})
}

// apply changes which shards are polled, and returns when their targets are.
func (m *Member) apply(change func() bool) {
	m.mu.Lock()
	if !change() {
		m.mu.Unlock()
		return
	}
	m.wants++
	mine := m.wants
	m.mu.Unlock()
	m.options.Apply(func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.shares >= mine
	})
}

// Share returns the targets of a configuration that this member owns, those that it polls, which may be more, and which of the
// others belong to another one.
func (m *Member) Share(w *runtimeconfig.Config) (mine, polled []*poller.Target, elsewhere func(string) bool) {
	if m == nil {
		return w.Targets, w.Targets, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shares = m.wants
	c := m.count(w)
	m.moving.configured(c, time.Now())
	for _, t := range w.Targets {
		shard := c.shard[t.Name]
		if m.owned[shard] && !m.moving.holds(t.Name) {
			mine = append(mine, t)
		}
		if m.owned[shard] || m.polled[shard] {
			polled = append(polled, t)
		}
	}
	return mine, polled, func(target string) bool { return c.named[target] != nil }
}

// Outlived returns the context of the parts that a member needs until it has left: they end when end is called.
func (m *Member) Outlived(ctx context.Context) (parts context.Context, end func()) {
	if m == nil {
		return ctx, func() {}
	}
	return context.WithCancel(context.WithoutCancel(ctx))
}

// Configured has the cluster know of the configuration.
func (m *Member) Configured() {
	if m == nil {
		return
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// Join runs the member until ctx is canceled, or another part has ended. It returns once its shards are handed over: until
// then all other parts run on.
func (m *Member) Join(ctx, parts context.Context) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(parts, leave)()
	giver, err := m.giver(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if giver != nil {
		group.Go(func() error { return m.give(ctx, giver) })
	}
	group.Go(func() error { return m.cluster.Run(ctx) })
	group.Go(func() error { return m.publish(ctx) })
	group.Go(func() error { return m.follow(ctx) })
	group.Go(func() error { return m.move(ctx) })
	return group.Wait()
}

// publish has the cluster know of each configuration.
func (m *Member) publish(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.changed:
			_ = m.cluster.Refresh(ctx) // without an answer the session does it
		}
	}
}
