// Package cluster decides with whom the targets are shared. Three members or more stand in for each other: targets hash into
// shards, each shard has one owner, and its alerts, alarms and pending notifications lie in the engine, where commits are
// applied under a fence.
package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/boottime"
	"trapline/internal/cluster/certificate"
	"trapline/internal/cluster/contact"
	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/pace"
	"trapline/internal/cluster/plan"
	"trapline/internal/cluster/settings"
	"trapline/internal/cluster/space"
	"trapline/internal/cluster/watch"
	"trapline/internal/throttle"
)

// Settings is settings.Settings.
type Settings = settings.Settings

// TLS is settings.TLS.
type TLS = settings.TLS

// Ports is settings.Ports.
type Ports = settings.Ports

// Etcd is settings.Etcd.
type Etcd = settings.Etcd

// EtcdTLS is settings.EtcdTLS.
type EtcdTLS = settings.EtcdTLS

// Config describes a member to itself. Functions may be called at any time, and by several goroutines.
type Config struct {
	Settings Settings
	Dir      string                    // the state directory; the engine has a directory in it
	Version  string                    // of the program
	Web      string                    // host and port of its HTTP server for everybody; "" if they are not known
	Hash     func() string             // of the configuration
	Homes    func() string             // hash of the targets with their shards; may be nil
	Shards   func() []plan.Shard       // of the configuration; the cost is the number of targets
	Costs    func() map[string]float64 // of owned shards, as measured; nil if unknown
	EngineID func() []byte             // of its SNMP engine, nil: it sends no traps; may be nil
	Poll     func(shards []string)     // has these shards polled, of which nothing is committed or sent, in the place of those before; nil: none are
	Gives    func() bool               // whether alarms of the state directory are on their way to the shards; nil: none are
	HandOver func(context.Context)     // waits until the next owners need nothing more of this member, which leaves; nil: they do not
	Log      *slog.Logger
}

// Work is done for the shards that a member owns.
type Work interface {
	// Take begins to poll a shard, judge its rules and send its alarms. It returns when the rows are loaded and the shard
	// may be polled. alive is up to when its last owner missed nothing, zero if there was none. ctx is canceled when the
	// shard is lost.
	Take(ctx context.Context, shard string, alive time.Time) error
	// Drop ends it, and returns when nothing of the shard is under way. If the shard was lost, all of it is forgotten and
	// nothing is written; else polls and confirmations under way are completed and committed.
	Drop(shard string, lost bool)
}

// Repeater is a Work that sends the last word about an alarm once more: another member has sent something about it late.
type Repeater interface {
	Repeat(text []byte) error
}

// Settler is a Work that commits. Settle returns once all commits have ended that it has begun to plan: they must not be taken
// for ones of a tenure that begins now.
type Settler interface {
	Settle(ctx context.Context) error
}

// Copier is a Work that has a copy of some rows of all shards: of those that ledger.Inhibit begins. Copy is called with their changes.
type Copier interface {
	Copy(rows []Write) error
}

// Cluster is a member of a cluster.
type Cluster struct {
	config      Config
	settings    Settings
	keys        keys
	work        Work
	engine      *engine.Engine
	view        *view
	copies      *watch.Copy // nil unless the work is a Copier
	session     *session
	metrics     *metrics
	log         *slog.Logger
	throttled   *slog.Logger // of errors that recur
	contact     *contact.Contact
	certificate atomic.Pointer[certificate.Found]
	clock       func() time.Duration // that no-one sets; a lease is counted by it

	measured func(time.Duration) time.Duration // the duration of a write; tests change it
	reads    formats                           // of this program; tests change it

	lates      chan lateSend
	draining   atomic.Bool
	losing     atomic.Int64 // shards that are lost and not yet forgotten
	ready      atomic.Bool  // has been
	space      space.Space
	wake       chan struct{}  // shards are looked at
	gone       chan struct{}  // a shard is not ours any more
	tasks      sync.WaitGroup // takes, releases and losses under way
	started    time.Time
	id         atomic.Pointer[string]
	configs    agreement
	homes      agreement
	remembered []string // owned shards that were written to the disk; used by report only

	mu        sync.Mutex // shards, takes, fence, commit
	shards    map[string]*shard
	formers   map[string]string // last owners of shards that have not been taken over since
	takes     pace.Takes
	fence     *fence.Fence
	commit    *fence.Commit   // under way
	repeating map[string]bool // keys of late sends that Work is repeating
	commits   chan struct{}   // held by the commit under way; a channel, for those that wait may give up
}

// New returns a member. Nothing happens before Run.
func New(c Config, work Work) (*Cluster, error) {
	s := c.Settings.WithDefaults()
	if problems := s.Problems(); len(problems) > 0 {
		return nil, fmt.Errorf("cluster: %s: %s", problems[0].Path, problems[0].Text)
	}
	settings, err := engineConfig(s, c.Dir, c.Log)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(settings)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{config: c, settings: s, keys: keysOf(s.Name), work: work, engine: e, log: c.Log, throttled: throttle.New(c.Log), clock: boottime.Elapsed,
		wake: make(chan struct{}, 1), gone: make(chan struct{}, 1), lates: make(chan lateSend, maxLates), repeating: map[string]bool{}, shards: map[string]*shard{}, formers: map[string]string{}, takes: pace.New(attemptWait), fence: fence.New(token()), commits: make(chan struct{}, 1)}
	cluster.measured = func(took time.Duration) time.Duration { return took }
	cluster.reads = ours
	cluster.started = time.Now()
	cluster.view = newView(cluster.keys)
	if copier, ok := work.(Copier); ok {
		cluster.copies = watch.NewCopy(cluster.keys.cutShared, copier.Copy)
	}
	cluster.session = &session{cluster: cluster, suspect: make(chan struct{}, 1), deadline: boottime.Elapsed()}
	cluster.metrics = newMetrics()
	cluster.contact = contact.New(contact.Config{Log: c.Log, Lease: s.Lease.Duration, Silent: e.Silent, Go: cluster.tasks.Go})
	cluster.space.Log = c.Log
	cluster.space.Stored(cluster.clock())
	return cluster, nil
}

// engineConfig says where the engine is.
func engineConfig(s Settings, dir string, log *slog.Logger) (engine.Config, error) {
	c := engine.Config{Cluster: s.Name, Member: s.Member, Voters: s.Members, Engine: s.Ports.Engine, Peers: s.Ports.Peers,
		Dir: filepath.Join(dir, "cluster"), Lease: s.Lease.Duration, Log: log, Key: keysOf(s.Name).member(s.Member)}
	if s.TLS != nil {
		c.TLS = &engine.TLS{CAFile: s.TLS.CAFile, CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile}
	}
	if s.Etcd != nil {
		c.Endpoints, c.Username = s.Etcd.Endpoints, s.Etcd.Username
		if s.Etcd.TLS != nil {
			c.TLS = (*engine.TLS)(s.Etcd.TLS)
		}
		if s.Etcd.PasswordFile != "" {
			password, err := os.ReadFile(s.Etcd.PasswordFile)
			if err != nil {
				return c, err
			}
			c.Password = strings.TrimRight(string(password), "\r\n")
		}
	}
	return c, nil
}

// token returns text that no other process has ever had.
func token() string {
	b := make([]byte, 9)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// Run is a member until ctx is canceled. Then it hands its shards over, which takes ten seconds at most, and returns nil.
func (c *Cluster) Run(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	engineRuns, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	engineEnded := make(chan error, 1)
	go func() {
		engineEnded <- c.engine.Run(engineRuns)
		stop() // nothing works without it
	}()
	parts, running := errgroup.WithContext(running)
	parts.Go(func() error { return c.session.run(running) })
	parts.Go(func() error { return c.watch(running) })
	if first, end := c.keys.copied(); c.copies != nil {
		parts.Go(func() error {
			return watch.Follow(running, c.engine, c.copies.Range(first, end), c.log)
		})
		parts.Go(func() error { return c.copies.Run(running) })
	}
	parts.Go(func() error { return c.coordinate(running) })
	parts.Go(func() error { return c.report(running) })
	parts.Go(func() error { return c.tend(running) })
	parts.Go(func() error { return c.poll(running) })
	parts.Go(func() error { return c.noteLates(running) })
	select {
	case <-ctx.Done():
		c.drain(running)
	case <-running.Done():
	}
	stop()
	err := parts.Wait()
	c.loseAll()
	c.tasks.Wait()
	stopEngine()
	return errors.Join(err, <-engineEnded)
}

// drainWait bounds how long shards are handed over at the end.
const drainWait = 10 * time.Second

// drain says that this member leaves, releases its shards, and ends its session.
func (c *Cluster) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainWait)
	defer cancel()
	c.draining.Store(true)
	if c.session.lease() != 0 {
		if err := c.session.publish(ctx); err != nil {
			c.log.Warn("cannot announce the end of this member to the cluster", "err", err)
		}
	}
	c.poke()
	for c.held() > 0 && c.session.valid() && ctx.Err() == nil {
		select {
		case <-c.gone:
		case <-ctx.Done():
		}
	}
	if c.config.HandOver != nil && c.session.valid() {
		c.config.HandOver(ctx)
	}
	c.session.revoke(ctx)
}

// Refresh publishes a change of the configuration.
func (c *Cluster) Refresh(ctx context.Context) error { return c.session.publish(ctx) }

// Ready reports whether this member has joined, and votes if it should. It stays so.
func (c *Cluster) Ready() bool {
	if !c.ready.Load() {
		_, joined := c.session.usable()
		c.ready.Store(joined && c.engine.Votes())
	}
	return c.ready.Load()
}

// MaySend reports whether this member may send now: its session lives, by its own clock, and nothing of a shard that it lost is under
// way, which the next session is no consent for. It is asked before each transmission, retransmissions included.
func (c *Cluster) MaySend() bool { return c.session.valid() && c.losing.Load() == 0 }

// storeWait is after which time without anything stored the engine stores nothing: each member writes alive/M.
const storeWait = aliveEvery + 2*attemptWait

// Stores reports whether the engine stores what this member commits. Sessions may go on where it does not: on disks that are full, or
// that do not answer.
func (c *Cluster) Stores() bool { return c.space.Since(c.clock()) < storeWait }

// Remaining returns how long this member may send; negative: since when it may not.
func (c *Cluster) Remaining() time.Duration { return c.session.remaining() }

// Owner returns the living member that owns a shard.
func (c *Cluster) Owner(shard string) (Member, bool) { return c.view.owner(shard) }

// Owns reports whether this member owns a shard and has taken it.
func (c *Cluster) Owns(shard string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shards[shard]
	return s != nil && s.state == owned
}

// Before returns the member that owned a shard before this one took it, if it lives.
func (c *Cluster) Before(shard string) (Member, bool) {
	c.mu.Lock()
	name := ""
	if s := c.shards[shard]; s != nil {
		name = s.before
	}
	c.mu.Unlock()
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	m, lives := c.view.members[name]
	return m, lives
}

// ID returns the ID of the cluster, which event IDs begin with; "" before the first contact with the engine.
func (c *Cluster) ID() string {
	if id := c.id.Load(); id != nil {
		return *id
	}
	return ""
}

// self describes this member.
func (c *Cluster) self() Member {
	m := Member{Name: c.settings.Member, Zone: c.settings.Zone, Weight: *c.settings.Weight, Version: c.config.Version, Web: c.config.Web,
		Format: c.reads.newest, Started: c.started, Draining: c.draining.Load(),
		URL: "http://" + net.JoinHostPort(c.settings.Member, strconv.Itoa(c.settings.Ports.Members))}
	if c.settings.TLS != nil {
		m.URL = "https" + strings.TrimPrefix(m.URL, "http")
	}
	if c.config.Hash != nil {
		m.Config = c.config.Hash()
	}
	if c.config.Homes != nil {
		m.Homes = c.config.Homes()
	}
	m.Ends = c.Certificate().Ends
	m.Gives = c.config.Gives != nil && c.config.Gives()
	return m
}
