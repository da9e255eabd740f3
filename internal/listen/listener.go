package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/snmp"
	"trapline/internal/traps"
	"trapline/internal/varbind"
)

// Options of a Listener.
type Options struct {
	Logger   *slog.Logger
	Registry prometheus.Registerer
	Note     func(journal.Event) // adds an entry to the journal
	// Forward queues notifications for the receivers to which they are passed on: see outbox.Outbox.
	Forward func([]alarm.Event, time.Time) error
	// Relay hands notifications to the members of a cluster that own their devices; nil without one.
	Relay *relay.Relay
	// Engine returns the ID of the SNMPv3 engine of a target that is polled here, "" if it is not known; it may be nil.
	Engine func(*poller.Target) string
	// Respond answers requests of managers: see originator.Agent.
	Respond func(*originator.Request) (response snmp.PDU, ok bool)
	// Refresh polls a target now, or rows of it.
	Refresh func(ctx context.Context, target string, rows *poller.Rows) error
	// Judge has rules look at the counts of a target's notifications: see Counted.
	Judge func(ctx context.Context, target string) error

	Conditions func() []alarm.Alarm                                             // the active conditions of all alarms
	Apply      func([]outbox.Transition, time.Time) error                       // commits transitions: see outbox.Outbox
	Holds      func(until string, r poller.Report) ([]map[string]string, error) // the labels for which an expression is true in a poll
}

// Configuration is that of a Listener. It is replaced as a whole.
type Configuration struct {
	Settings Settings
	Auths    map[string]*access.Auth
	Identity *originator.Identity // our engine; nil without users of SNMPv3
	Targets  []traps.Target
	Managers []netip.Addr // of receivers, which may ask the agent
	Rules    []traps.Settings
	Forward  bool // receivers are passed notifications on
	Judged   bool // rules look at the counts of notifications

	Deployment string // part of the identity of alarms
	Names      varbind.Names
	Engine     func(id []byte) (target string) // the target with an SNMPv3 engine, or ""; may be nil
}

// Listener receives notifications.
type Listener struct {
	options  Options
	began    time.Time
	seed     maphash.Seed
	refusals *refusals
	counts   *counts
	unknown  unknown
	buckets  buckets
	notes    *limiter
	doubts   *limiter
	excesses *limiter
	excess   prometheus.Counter // conditions that were refused
	echoes   *echoes
	standing standing
	tables   traps.Tables // addresses of targets that polls brought
	memory   *memory      // of all workers; nil without a cluster, where each has one
	log      logFile

	refreshes *refreshes
	workers   []*worker
	current   atomic.Pointer[setup] // nil before the first Configure

	mu      sync.Mutex
	sockets map[string]*socket // by address as configured
	fresh   chan struct{}      // signals that sockets or targets have changed
	moved   chan struct{}      // signals that alarms of other members have become ours
}

// setup is a configuration, prepared for the readers and workers. It does not change.
type setup struct {
	settings  Settings
	managers  []netip.Addr
	rate      float64
	allowed   *traps.Networks
	authority *originator.Authority
	owners    *traps.Owners
	rules     []*traps.Rule
	repolls   repolls
	forward   bool
	judged    bool
	in        traps.Surroundings // of the rules
}

// maxWorkers bounds the goroutines that decode notifications.
const maxWorkers = 8

// New returns a listener without sockets.
func New(o Options) *Listener {
	l := &Listener{
		options: o, began: time.Now(), seed: maphash.MakeSeed(), refusals: newRefusals(o.Registry, o.Logger), counts: newCounts(),
		notes: newLimiter(notesPerSecond), doubts: newLimiter(1), excesses: newLimiter(1), echoes: newEchoes(), sockets: map[string]*socket{}, fresh: make(chan struct{}, 1), moved: make(chan struct{}, 1),
	}
	l.log.logger = o.Logger
	l.excess = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "trapline_trap_alarms_refused_total", Help: "Alarms of traps that were not raised because their target has 10,000 of them, with different keys. Devices that are no target share as many.",
	})
	l.refreshes = newRefreshes(&l.options)
	o.Registry.MustRegister(l.counts, l.excess)
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		l.workers = append(l.workers, newWorker(l, min(runtime.GOMAXPROCS(0), maxWorkers)))
	}
	return l
}

// elapsed returns the monotonic time since the listener was made.
func (l *Listener) elapsed() time.Duration { return time.Since(l.began) }

// Open opens the sockets of settings, and keeps those that are open. If one cannot be opened, nothing changes.
// Configure closes those that a configuration does not have.
func (l *Listener) Open(s *Settings) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var opened []*socket
	for _, text := range s.Addresses {
		if l.sockets[text] != nil || slices.ContainsFunc(opened, func(o *socket) bool { return o.address == text }) {
			continue
		}
		one, err := openSocket(text)
		if err != nil {
			for _, o := range opened {
				_ = o.conn.Close()
			}
			return err
		}
		opened = append(opened, one)
	}
	for _, one := range opened {
		l.sockets[one.address] = one
	}
	return nil
}

// Configure has a configuration take effect, whose sockets are open.
func (l *Listener) Configure(c *Configuration) error {
	next, err := newSetup(c, &l.tables)
	if err != nil {
		return err
	}
	if err := l.log.configure(&c.Settings.Log); err != nil {
		return err
	}
	if a := next.authority.Agent; a != nil {
		a.Respond = l.options.Respond
	}
	if old := l.current.Load(); old != nil {
		next.authority.Take(old.authority)
	}
	if old := l.current.Load(); next.judged && (old == nil || !old.judged) {
		l.counts.settle()
	}
	l.current.Store(next)
	l.restore(next)
	l.counts.keep(next.owners.Exists)
	l.options.Relay.Keep(next.owners.Exists) // which learns no others from then on
	l.tables.Keep(next.owners.Exists)
	l.mu.Lock()
	defer l.mu.Unlock()
	for text, one := range l.sockets {
		if !slices.Contains(c.Settings.Addresses, text) {
			_ = one.conn.Close()
			delete(l.sockets, text)
		}
	}
	select {
	case l.fresh <- struct{}{}:
	default:
	}
	return nil
}

func newSetup(c *Configuration, tables *traps.Tables) (s *setup, err error) {
	s = &setup{settings: c.Settings, managers: c.Managers, rate: cmp.Or(c.Settings.Rate, defaultRate)}
	if s.authority, err = authorityOf(c); err != nil {
		return nil, err
	}
	s.owners = traps.NewOwners(c.Targets, c.Settings.Forwarders, traps.Known{Engine: c.Engine, Tables: tables})
	s.allow()
	s.in.Deployment, s.forward, s.judged = c.Deployment, c.Forward, c.Judged
	for i := range c.Rules {
		r, problems := traps.Compile(&c.Rules[i], c.Names)
		if len(problems) > 0 {
			return nil, fmt.Errorf("trap_rules: %s: %s", r.Alert, problems[0].Text)
		}
		s.rules = append(s.rules, r)
	}
	s.repolls = newRepolls(&c.Settings, c.Names)
	if c.Settings.Enabled() && c.Names != nil {
		s.in.Tree, err = c.Names()
	}
	return s, err
}

// lookupInterval is how often the addresses of host names are looked up.
const lookupInterval = 5 * time.Minute

// Run receives until ctx is canceled.
func (l *Listener) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	for _, w := range l.workers {
		parts.Go(func() { w.run(ctx) })
	}
	reading := map[*socket]bool{}
	look := time.NewTicker(lookupInterval)
	defer look.Stop()
	for ctx.Err() == nil {
		l.mu.Lock()
		for _, s := range l.sockets {
			if !reading[s] {
				reading[s] = true
				parts.Go(func() {
					defer s.closeWith(ctx)()
					s.read(l.admit)
				})
			}
		}
		l.mu.Unlock()
		l.lookUp(ctx)
		select {
		case <-ctx.Done():
		case <-l.fresh:
		case <-look.C:
		case <-l.moved:
			l.adopt(ctx)
		}
	}
	parts.Wait()
	l.refreshes.running.Wait()
	return nil
}

// Close closes the sockets.
func (l *Listener) Close() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text, s := range l.sockets {
		err = errors.Join(err, s.conn.Close())
		delete(l.sockets, text)
	}
	return err
}

// allow sets the senders that are allowed.
func (s *setup) allow() {
	if s.allowed = traps.NewNetworks(s.settings.Allow); len(s.settings.Allow) > 0 {
		return
	}
	s.allowed = traps.NewNetworks(s.settings.Forwarders)
	for a := range s.owners.Addresses() {
		s.allowed.Add(netip.PrefixFrom(a, a.BitLen()))
	}
	if len(s.settings.Agent) > 0 {
		for _, a := range s.managers {
			s.allowed.Add(netip.PrefixFrom(a, a.BitLen()))
		}
	}
}

// lookUp finds the targets that have host names by their addresses.
func (l *Listener) lookUp(ctx context.Context) {
	before := l.current.Load()
	if before == nil || !before.owners.Named() || !before.settings.Enabled() {
		return
	}
	next := *before
	next.owners = before.owners.LookUp(ctx)
	next.allow()
	l.current.CompareAndSwap(before, &next)
}

// workerOf returns the worker of a sender, which takes its notifications in their order.
func (l *Listener) workerOf(sender netip.Addr) *worker {
	return l.workers[maphash.Comparable(l.seed, sender)%uint64(len(l.workers))]
}

// admit hands a datagram to the worker of its sender, unless it is refused.
func (l *Listener) admit(s *socket, from netip.AddrPort, octets []byte, at time.Time) {
	c := l.current.Load()
	if c == nil {
		return
	}
	sender, now := from.Addr().WithZone(""), l.elapsed()
	if !c.allowed.Has(sender) && (len(c.settings.Allow) > 0 || l.tables.Owner(sender) == "") {
		l.refusals.refuse(sender, refusedACL, now)
		return
	}
	if !l.buckets.take(sender, c.rate, now, c.owners) {
		l.refusals.refuse(sender, refusedRate, now)
		return
	}
	if w := l.workerOf(sender); !w.queue.put(datagram{from: from, socket: s, at: at}, octets, len(l.workers)) {
		l.refusals.refuse(sender, refusedFull, now)
	}
}
