package notify

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Outbox keeps which alarms are active, and what receivers have yet to confirm of them. Both change in
// one transaction, which is on the disk before anything is sent: whatever happens to the process, each
// receiver is told of each alarm in order, every event at least once.
type Outbox struct {
	state   *State
	prefix  string // of event IDs
	logger  *slog.Logger
	metrics *Metrics

	routing sync.Mutex    // held while receivers change; taken before commits
	routed  chan struct{} // receivers have changed
	commits sync.Mutex    // held from planning a transaction to its end; taken before mu
	mu      sync.Mutex    // guards what follows, never while the disk works
	asked   []*change     // for the next transaction

	// What a plan reads, and only the end of a transaction changes:
	queues []*queue
	groups [][]*queue         // the same
	active map[string]*active // by alarm ID
	seq    uint64             // the last that was given to a row or an event

	damaged int // rows that could not be read at the start
}

// OutboxOptions are what an outbox needs beside its state and routes.
type OutboxOptions struct {
	Logger  *slog.Logger
	Metrics *Metrics
}

// NewOutbox takes up what the last process left. Receivers that are told of lost events are told of the
// start too: something may have happened in between.
func NewOutbox(s *State, routes []*Route, o OutboxOptions, now time.Time) (*Outbox, error) {
	out, err := takeUp(s, routes, o, now)
	if isDamage(err) { // of what only a write shows
		if err := s.setAside(err, now); err != nil {
			return nil, err
		}
		out, err = takeUp(s, routes, o, now)
	}
	if err == nil && s.lost != nil {
		o.Logger.Error("which alarms were active and what receivers had yet to confirm is lost: they are told to read the active alarms again", "err", s.lost)
	}
	s.LogDamage(o.Logger)
	return out, err
}

func takeUp(s *State, routes []*Route, o OutboxOptions, now time.Time) (*Outbox, error) {
	boots, _, err := s.Identity.Clock(now)
	if err != nil {
		return nil, err
	}
	id := s.Identity.ID
	out := &Outbox{
		state: s, prefix: fmt.Sprintf("%x-%d", id[len(id)-2:], boots), logger: o.Logger, metrics: o.Metrics, active: map[string]*active{},
		routed: make(chan struct{}, 1),
	}
	for _, r := range routes {
		out.queues = append(out.queues, newQueue(r))
		o.Metrics.begin(r.Name)
	}
	out.groups = grouped(out.queues)
	if err := s.Update(out.load); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	for _, a := range out.active { // who leased an alarm had nobody to say it to
		if least := now.Add(Lease); !a.Lease.IsZero() && a.Lease.Before(least) {
			a.Lease = least
		}
	}
	return out, out.do(&change{now: now, plan: func(p *plan) {
		p.greet(out.queues)
		for _, q := range out.queues {
			if out.damaged > 0 {
				p.resync(q, out.damaged)
			}
		}
	}})
}

// Lease is how long an alarm is active that must be said again, where nobody says how long.
const Lease = 5 * time.Minute

// load reads the database into memory, and makes the buckets that are missing.
func (o *Outbox) load(tx *bbolt.Tx) error {
	for _, name := range [][]byte{metaBucket, alarmsBucket, outboxBucket, deadBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if b := tx.Bucket(metaBucket).Get(seqKey); len(b) == 8 {
		o.seq = binary.BigEndian.Uint64(b)
	}
	err := o.readRows(tx, "alarms", tx.Bucket(alarmsBucket), func(id, text []byte) error {
		a := &active{}
		if err := json.Unmarshal(text, a); err != nil {
			return err
		}
		o.active[string(id)] = a
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(outboxBucket).ForEachBucket(func(name []byte) error {
		if last, _ := tx.Bucket(outboxBucket).Bucket(name).Cursor().Last(); len(last) == 8 { // seqKey may be damaged
			o.seq = max(o.seq, binary.BigEndian.Uint64(last))
		}
		if _, err := o.find(string(name)); err != nil {
			o.warnOfOrphan(string(name), tx.Bucket(outboxBucket).Bucket(name).Stats().KeyN)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range o.queues {
		if err := o.loadQueue(tx, q); err != nil {
			return err
		}
	}
	return nil
}

// Apply commits transitions. Without an error they are on the disk, with all that follows from them;
// with one, nothing has changed.
func (o *Outbox) Apply(transitions []Transition, now time.Time) error {
	return o.ApplyWith(transitions, now, nil)
}

// ApplyWith is Apply, and in the same transaction does more. That may run several times, where a
// transaction that others share fails by them; only the last one counts.
func (o *Outbox) ApplyWith(transitions []Transition, now time.Time, also func(*bbolt.Tx) error) error {
	return o.do(&change{now: now, also: also, plan: func(p *plan) {
		for i := range transitions {
			p.apply(&transitions[i])
		}
	}})
}

// Active gives the alarms that are active, the oldest first.
func (o *Outbox) Active() []Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	alarms := make([]Alarm, 0, len(o.active))
	for _, a := range o.active {
		alarms = append(alarms, a.Alarm)
	}
	slices.SortFunc(alarms, func(a, b Alarm) int { return cmp.Or(a.RaisedAt.Compare(b.RaisedAt), cmp.Compare(a.ID, b.ID)) })
	return alarms
}
