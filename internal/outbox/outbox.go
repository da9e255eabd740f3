// Package outbox keeps the active alarms and the notifications that receivers have not acknowledged. A change is
// planned (plan), stored in one transaction (commit, store), and only then applied in memory and delivered (queue,
// dispatch): after a crash nothing is lost, and every notification is sent at least once and in order.
package outbox

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/statedir"
)

// Outbox keeps which alarms are active, and what receivers know and have yet to confirm of them. All changes in
// one transaction, which is on the disk before anything is sent: whatever happens to the process, each
// receiver is sent what it has to know of each alarm in order, every event at least once.
type Outbox struct {
	state   *statedir.Dir
	prefix  string // of event IDs
	options Options
	logger  *slog.Logger
	Metrics *Metrics
	journal *journal.Journal
	clock   runClock

	routing sync.Mutex    // locked while receivers change; taken before commits
	routed  chan struct{} // receivers have changed
	commits sync.Mutex    // locked from planning a transaction to its end; taken before mu
	mu      sync.Mutex    // guards what follows, never while the disk works
	pending []*change     // for the next transaction

	// What a plan reads, and only the end of a transaction changes:
	queues      []*queue
	groups      [][]*queue                      // the same
	byName      map[string]*queue               // the same
	names, tags map[string]bool                 // that they have
	active      map[string]*alarm.State         // by key
	size        int                             // of all of them
	sources     map[string]string               // of their conditions, by source the key
	members     map[alarm.Place]map[string]bool // the keys of those that a receiver knows by one key
	views       map[alarm.Place]*alarm.View
	unknown     map[alarm.Place]bool // views for which an event was given up
	short       map[*queue]bool      // queues that had no room for all that the receiver has to know
	seq         uint64               // the last that was given to a row or an event
	entrySeq    uint64               // the last that was given to an entry of the journal
	added       []journal.Event      // of what is no change of the outbox

	log           *log
	refusedAlarms int // alarms since that was logged, and when it was; of who holds commits
	reported      time.Duration

	damaged int           // rows that could not be read at the start
	noted   time.Duration // when it was last stored how long processes have run; of the sweep alone
}

// Options are what an outbox needs beside its state and routes.
type Options struct {
	Logger     *slog.Logger
	Metrics    *Metrics
	Deployment string           // is part of the identity of alarms
	Ignored    []string         // labels that are not
	MaxAlarms  int              // how many may be active; 0 means the default
	Clock      *Clock           // nil: the real one
	Journal    *journal.Journal // nil: one in memory
}

// New takes up what the last process left. Receivers that are sent Resync are sent one at the start too:
// something may have happened in between.
func New(s *statedir.Dir, routes []*Route, o Options, now time.Time) (*Outbox, error) {
	out, err := takeUp(s, routes, o, now)
	if statedir.IsDamage(err) { // of what only a write shows
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

func takeUp(s *statedir.Dir, routes []*Route, o Options, now time.Time) (*Outbox, error) {
	boots, _, err := s.Identity.Clock(now)
	if err != nil {
		return nil, err
	}
	id := s.Identity.ID
	o.MaxAlarms = cmp.Or(o.MaxAlarms, defaultMaxAlarms)
	out := &Outbox{
		state: s, prefix: fmt.Sprintf("%x-%d", id[len(id)-2:], boots), options: o, logger: o.Logger, Metrics: o.Metrics,
		active: map[string]*alarm.State{}, sources: map[string]string{}, members: map[alarm.Place]map[string]bool{},
		views: map[alarm.Place]*alarm.View{}, unknown: map[alarm.Place]bool{}, short: map[*queue]bool{}, routed: make(chan struct{}, 1),
	}
	if out.journal = o.Journal; out.journal == nil {
		if out.journal, err = journal.Open(journal.Options{Logger: o.Logger}); err != nil {
			return nil, err
		}
	}
	if out.clock.Clock = realClock(); o.Clock != nil {
		out.clock.Clock = *o.Clock
	}
	out.clock.began = out.clock.Elapsed()
	out.log = &log{logger: o.Logger, run: out.clock.run}
	var queues []*queue
	for _, r := range routes {
		queues = append(queues, out.newQueue(r))
		o.Metrics.begin(r.Name)
	}
	out.setQueues(queues)
	if err := keepFirst(s, now); err != nil {
		return nil, err
	}
	var merged []merge
	err = s.Update(func(tx *bbolt.Tx) (err error) {
		if merged, err = out.convert(tx, now); err != nil {
			return err
		}
		return out.load(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	out.extendLeases()
	return out, out.do(&change{now: now, plan: func(p *plan) {
		p.announceAll(out.queues)
		for i := range merged {
			p.retract(&merged[i])
		}
		for _, q := range out.queues {
			if out.damaged > 0 {
				p.resync(q, out.damaged)
			}
		}
	}})
}

func (o *Outbox) setQueues(queues []*queue) {
	o.queues, o.groups = queues, grouped(queues)
	o.byName, o.names, o.tags = map[string]*queue{}, map[string]bool{}, map[string]bool{}
	for _, q := range queues {
		o.byName[q.name], o.names[q.name] = q, true
		for _, tag := range q.route.Tags {
			o.tags[tag] = true
		}
	}
}

// Lease is how long an alarm is active that must be said again, where nobody says how long.
const Lease = 5 * time.Minute

// extendLeases gives those who lease alarms the time to say them again: there was nobody to say it to.
func (o *Outbox) extendLeases() {
	least := seconds(o.clock.run() + Lease)
	for _, s := range o.active {
		for i := range s.Conditions {
			if c := &s.Conditions[i]; c.Lease != 0 {
				c.Lease = max(c.Lease, least)
			}
		}
	}
}

// key is the identity of an alarm. One without labels is known by its ID.
func (o *Outbox) key(a *alarm.Alarm) string {
	if len(a.Labels) == 0 {
		return a.ID
	}
	return alarm.Key(o.options.Deployment, a, o.options.Ignored)
}

// ByID is what receivers know alarms by that are shown their IDs.
func ByID(a *alarm.Alarm) (key string, changes bool) { return a.ID, true }

// Apply commits transitions. Without an error they are on the disk, with all that follows from them. With a
// *FullError that holds for all but those that it names; with another error, nothing has changed.
func (o *Outbox) Apply(transitions []Transition, now time.Time) error {
	return o.do(&change{now: now, plan: planOf(transitions)})
}

// ApplyWith is Apply, and in the same transaction does more. That may run several times, where a
// transaction that others share fails by them; only the last one counts. With any error nothing has changed.
func (o *Outbox) ApplyWith(transitions []Transition, now time.Time, also func(*bbolt.Tx) error) error {
	return o.do(&change{now: now, also: also, plan: planOf(transitions)})
}

func planOf(transitions []Transition) func(*plan) {
	return func(p *plan) { p.applyAll(transitions) }
}

// Active returns the alarms that are active, the oldest first.
func (o *Outbox) Active() []alarm.Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	alarms := make([]alarm.Alarm, 0, len(o.active))
	for _, key := range o.keys() {
		alarms = append(alarms, *o.active[key].Alarm())
	}
	return alarms
}

// Conditions returns what makes alarms active, each as it shows its alarm. The IDs are those of the conditions.
func (o *Outbox) Conditions() []alarm.Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []alarm.Alarm
	for _, key := range o.keys() {
		for _, c := range o.active[key].Conditions {
			a := c.Alarm
			a.ID = c.Source
			if a.RaisedAt.IsZero() {
				a.RaisedAt = o.active[key].RaisedAt
			}
			list = append(list, a)
		}
	}
	return list
}

// keys are those of the active alarms, the oldest first.
func (o *Outbox) keys() []string {
	return slices.SortedFunc(maps.Keys(o.active), func(a, b string) int {
		return cmp.Or(o.active[a].RaisedAt.Compare(o.active[b].RaisedAt), cmp.Compare(o.active[a].ID, o.active[b].ID))
	})
}
