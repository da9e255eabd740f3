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
	db      *bbolt.DB
	prefix  string // of event IDs
	logger  *slog.Logger
	metrics *Metrics

	mu     sync.Mutex // held from planning a transaction to its end
	queues []*queue
	active map[string]*active // by alarm ID
	seq    uint64             // the last that was given to a row or an event
}

// OutboxOptions are what an outbox needs beside its state and routes.
type OutboxOptions struct {
	Logger  *slog.Logger
	Metrics *Metrics
}

// NewOutbox takes up what the last process left. Receivers that are told of lost events are told of the
// start too: something may have happened in between.
func NewOutbox(s *State, routes []*Route, o OutboxOptions, now time.Time) (*Outbox, error) {
	boots, _, err := s.Identity.Clock(now)
	if err != nil {
		return nil, err
	}
	id := s.Identity.ID
	out := &Outbox{
		db: s.db, prefix: fmt.Sprintf("%x-%d", id[len(id)-2:], boots), logger: o.Logger, metrics: o.Metrics, active: map[string]*active{},
	}
	for _, r := range routes {
		out.queues = append(out.queues, newQueue(r))
	}
	if err := s.db.Update(out.load); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	p := out.newPlan(now)
	for id := range out.active { // receivers may be new, and who leased an alarm had nobody to say it to
		a := p.alarm(id)
		if least := now.Add(Lease); !a.Lease.IsZero() && a.Lease.Before(least) {
			a.Lease = least
		}
		p.tell(a, false)
		p.alarms[id] = a
	}
	for _, q := range out.queues {
		p.resync(q, 0)
	}
	return out, out.commit(p)
}

// Lease is how long an alarm is active that must be said again, where nobody says how long.
const Lease = 5 * time.Minute

// load reads the database into memory, and makes the buckets that are missing. A row that is there may
// have been sent: nobody noted that before.
func (o *Outbox) load(tx *bbolt.Tx) error {
	for _, name := range [][]byte{metaBucket, alarmsBucket, outboxBucket, deadBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	if b := tx.Bucket(metaBucket).Get(seqKey); len(b) == 8 {
		o.seq = binary.BigEndian.Uint64(b)
	}
	err := tx.Bucket(alarmsBucket).ForEach(func(id, text []byte) error {
		a := &active{}
		o.active[string(id)] = a
		return json.Unmarshal(text, a)
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(outboxBucket).ForEachBucket(func(name []byte) error {
		if _, err := o.find(string(name)); err != nil {
			o.logger.Warn("what waits for a receiver is kept, but the receiver is not in the configuration", "receiver", string(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range o.queues {
		if _, err := tx.Bucket(deadBucket).CreateBucketIfNotExists([]byte(q.Name)); err != nil {
			return err
		}
		rows, err := tx.Bucket(outboxBucket).CreateBucketIfNotExists([]byte(q.Name))
		if err != nil {
			return err
		}
		err = rows.ForEach(func(k, text []byte) error {
			r := &row{seq: binary.BigEndian.Uint64(k), seen: true}
			if err := json.Unmarshal(text, r); err != nil {
				return err
			}
			q.push(r)
			return nil
		})
		if err != nil {
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
// transaction is tried again.
func (o *Outbox) ApplyWith(transitions []Transition, now time.Time, also func(*bbolt.Tx) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.newPlan(now)
	for i := range transitions {
		p.apply(&transitions[i])
	}
	return o.commitWith(p, also)
}

// commit is called with the mutex held.
func (o *Outbox) commit(p *plan) error {
	return o.commitWith(p, nil)
}

// commitWith commits a plan, and in the same transaction does more.
func (o *Outbox) commitWith(p *plan, more func(*bbolt.Tx) error) error {
	p.shrink()
	p.settle()
	if len(p.alarms)+len(p.added)+len(p.removed) > 0 || more != nil {
		err := o.db.Update(func(tx *bbolt.Tx) error {
			if more != nil {
				if err := more(tx); err != nil {
					return err
				}
			}
			return p.store(tx)
		})
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
	p.adopt()
	return nil
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
