// Package outbox keeps the active alarms and the notifications that receivers have not acknowledged. A change is
// planned (plan), stored in one transaction (commit, store), and only then applied in memory and delivered (queue,
// dispatch): after a crash nothing is lost, and every notification is sent at least once and in order.
package outbox

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/outbox/turn"
	"trapline/internal/statedir"
)

// Outbox stores the active alarms, the state last sent to each receiver, and the events that it has yet to acknowledge. A
// change is one transaction, which is on the disk before anything is sent: whatever happens to the process, each receiver
// is sent the events of each alarm in order, and each at least once.
type Outbox struct {
	state   *state
	Metrics *Metrics

	routing turn.Turn     // locked while receivers change; taken before commits
	routed  chan struct{} // signals that receivers have changed
	ended   chan struct{} // signals that a delivery has ended; read by Drop
	commits turn.Turn     // locked from planning a transaction to its end; taken before mu
	mu      sync.Mutex    // guards state, pending, queued and asked; not held during disk I/O
	pending []*change     // for the next transaction
	queued  bool          // somebody is about to commit them
	asked   time.Time     // when the transaction under way began; zero if there is none

	working context.Context // of requests to the engine of a cluster, until abandon
	abandon func()

	log           *journal.Log // guarded by commits
	refusedAlarms int          // alarms refused since the last log entry about them, and its time; guarded by commits
	reported      time.Duration

	noted time.Duration // when the run time was last stored; used by housekeeping only
}

// New returns the outbox of a state directory. Receivers that support Resync are sent one: alarms may have changed while
// no process ran.
func New(s *statedir.Dir, routes []*queue.Route, o Options, now time.Time) (*Outbox, error) {
	out, err := takeUp(s, routes, o, now)
	if statedir.IsDamage(err) { // damage that only a write detects
		if err := s.SetAside(err, now); err != nil {
			return nil, err
		}
		out, err = takeUp(s, routes, o, now)
	}
	if err == nil && s.Lost != nil {
		o.Logger.Error("the active alarms and what waited for receivers cannot be read: receivers are sent a resync", "err", s.Lost)
	}
	s.LogDamage(o.Logger)
	return out, err
}

func takeUp(s *statedir.Dir, routes []*queue.Route, o Options, now time.Time) (*Outbox, error) {
	boots, _, err := s.Identity.Clock(now)
	if err != nil {
		return nil, err
	}
	id := s.Identity.ID
	o.MaxAlarms = cmp.Or(o.MaxAlarms, defaultMaxAlarms)
	st := &state{
		dir: s, boots: boots, prefix: fmt.Sprintf("%x-%d", id[len(id)-2:], boots), options: o, logger: o.Logger, metrics: o.Metrics,
		short: map[*queue.Queue]bool{},
	}
	if st.store = o.Store; st.store == nil {
		st.store = &bolt.Store{Dir: s}
	}
	st.shards, st.engine = shards.New(o.Cluster), o.Engine
	st.index = index.New(st.shards)
	st.reader = &store.Reader{Store: st.store, Dir: s, Logger: o.Logger, Engine: st.engine, Shards: st.shards}
	out := &Outbox{state: st, Metrics: o.Metrics, routed: make(chan struct{}, 1), ended: make(chan struct{}, 1), routing: turn.New(), commits: turn.New()}
	out.working, out.abandon = context.WithCancel(context.Background())
	if out.state.journal = o.Journal; out.state.journal == nil {
		if out.state.journal, err = journal.Open(journal.Options{Logger: o.Logger}); err != nil {
			return nil, err
		}
	}
	if out.state.clock.Clock = clock.Real(); o.Clock != nil {
		out.state.clock.Clock = *o.Clock
	}
	out.state.clock.Began = out.state.clock.Elapsed()
	out.log = journal.NewLog(o.Logger, out.state.clock.Run)
	var queues []*queue.Queue
	for _, r := range routes {
		queues = append(queues, queue.New(r, out.state.receiver(r)))
		o.Metrics.Begin(r.Name)
	}
	out.state.queues.Use(queues)
	if err := store.Keep(s, st.shards != nil, now); err != nil {
		return nil, err
	}
	merged, err := st.converter(now).Convert()
	var unused []ledger.Write
	if err == nil {
		err = st.enter(id, now)
	}
	if err == nil {
		unused, err = st.load()
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	st.index.ExtendLeases(clock.Seconds(st.clock.Run() + Lease))
	st.index.Inhibit(o.Inhibit, st.mutes)
	if o.Outages != nil {
		out.state.outages = o.Outages(out.Down)
	}
	return out, out.do(&change{now: now, more: unused, until: context.Background(), plan: func(p *plan) {
		p.passTime() // before receivers are sent anything
		p.announceAll(out.resynced())
		for i := range merged {
			p.retract(&merged[i])
		}
		for _, q := range out.state.queues.All {
			if st.reader.Damaged > 0 {
				p.resync(q, st.reader.Damaged)
			}
		}
	}})
}

// Apply commits transitions. If it returns nil, they and their effects are on the disk. A *FullError lists the conditions
// that were refused: the others are on the disk. After any other error nothing has changed.
func (o *Outbox) Apply(transitions []Transition, now time.Time) error {
	return o.do(&change{now: now, plan: planOf(transitions)})
}

// ApplyWith is like Apply, and commits more writes in the same transaction. A write that is refused concerns no change but
// this one. After any error nothing has changed.
func (o *Outbox) ApplyWith(transitions []Transition, now time.Time, more []ledger.Write) error {
	return o.do(&change{now: now, more: more, whole: true, plan: planOf(transitions)})
}

// SetInhibitRules replaces the inhibit rules, which the next SetRoutes applies.
func (o *Outbox) SetInhibitRules(rules []cause.Rule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.options.Inhibit = rules
}

func planOf(transitions []Transition) func(*plan) {
	return func(p *plan) { p.applyAll(transitions) }
}
