package outbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// SetRoutes changes who is told, while the outbox runs. What waits for a receiver that goes is kept, as
// across a restart, until it comes back. Those that come are told of what is active, and those that stay are
// tried at once, for what kept them from confirming may be what was changed.
func (o *Outbox) SetRoutes(routes []*Route, now time.Time) error {
	o.routing.Lock()
	defer o.routing.Unlock()
	added, removed, err := o.swap(routes)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	for _, q := range removed {
		q.stopAndWait()
		o.Metrics.end(q.name)
	}
	select {
	case o.routed <- struct{}{}:
	default:
	}
	return o.do(&change{now: now, plan: func(p *plan) { p.announceAll(added) }})
}

// announceAll compares what receivers know with what is active, and has those that are new sent that something may have
// happened before.
func (p *plan) announceAll(added []*queue) {
	for _, key := range p.o.keys() {
		p.announce(key)
	}
	for _, q := range added {
		p.resync(q, 0)
	}
}

// announce compares what receivers know of one alarm with what is true.
func (p *plan) announce(key string) {
	clear(p.ids)
	p.reconciler.Announce(key)
}

// swap puts the receivers in place, between two transactions.
func (o *Outbox) swap(routes []*Route) (added, removed []*queue, err error) {
	o.commits.Lock()
	defer o.commits.Unlock()
	old := o.queues
	var queues []*queue
	for _, r := range routes {
		i := slices.IndexFunc(old, func(q *queue) bool { return q.name == r.Name })
		if i < 0 {
			o.Metrics.begin(r.Name)
			added = append(added, o.newQueue(r))
			queues = append(queues, added[len(added)-1])
			continue
		}
		queues = append(queues, old[i])
	}
	for _, q := range old {
		if !slices.Contains(queues, q) {
			removed = append(removed, q)
		}
	}
	err = o.state.Update(func(tx *bbolt.Tx) error {
		for _, q := range added {
			if err := o.loadQueue(tx, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, q := range queues {
		q.route, q.receiver = routes[i], o.receiver(routes[i])
		q.resetBackoff()
	}
	for _, q := range removed {
		delete(o.short, q)
		o.warnOfOrphan(q.name, q.count)
	}
	o.setQueues(queues)
	return added, removed, nil
}

func (o *Outbox) warnOfOrphan(receiver string, events int) {
	if events > 0 {
		o.logger.Warn("notifications are kept for a receiver that is not in the configuration", "receiver", receiver, "events", events)
	}
}

// resetBackoff forgets failures.
func (q *queue) resetBackoff() {
	q.failures = max(q.failures, outage)
	q.reach()
	q.signal()
}

// stopAndWait ends the deliveries to a receiver at once, and waits for that.
func (q *queue) stopAndWait() {
	if q.stop != nil {
		q.stop()
		q.signal()
		<-q.ended
	}
}

// dispatchAll runs the deliveries to each receiver, also of those that come.
func (o *Outbox) dispatchAll(ctx context.Context, start func(func() error)) {
	for ctx.Err() == nil {
		o.mu.Lock()
		for _, q := range o.queues {
			if q.stop != nil {
				continue
			}
			work, stop := context.WithCancel(context.WithoutCancel(ctx))
			q.stop, q.ended = stop, make(chan struct{})
			start(func() error {
				defer close(q.ended)
				o.dispatch(ctx, work, q)
				return nil
			})
		}
		o.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-o.routed:
		}
	}
}

// loadQueue reads what waits for a receiver. Of each line, the first row may have been sent: nobody noted that
// before.
func (o *Outbox) loadQueue(tx *bbolt.Tx, q *queue) error {
	dead, err := tx.Bucket(deadBucket).CreateBucketIfNotExists([]byte(q.name))
	if err != nil {
		return err
	}
	err = o.readRows(tx, "dead/"+q.name, dead, func(_, text []byte) error { return json.Unmarshal(text, &DeadLetter{}) })
	if err != nil {
		return err
	}
	rows, err := tx.Bucket(outboxBucket).CreateBucketIfNotExists([]byte(q.name))
	if err != nil {
		return err
	}
	err = o.readRows(tx, "outbox/"+q.name, rows, func(k, text []byte) error {
		r := &row{size: len(text)}
		if err := json.Unmarshal(text, r); err != nil {
			return err
		}
		if len(k) != 8 {
			return fmt.Errorf("a key of %d octets", len(k))
		}
		r.seq = binary.BigEndian.Uint64(k)
		q.push(r)
		return nil
	})
	for _, line := range q.rows {
		line[0].seen = q.index[line[0].After] == nil
	}
	return err
}

// readRows calls read for each row of a bucket. What it refuses is put aside, so that it holds up nobody.
func (o *Outbox) readRows(tx *bbolt.Tx, name string, b *bbolt.Bucket, read func(k, text []byte) error) error {
	bad := statedir.Unreadable(b, name, read)
	if len(bad) == 0 {
		return nil
	}
	if err := statedir.PutAside(tx, b, bad); err != nil {
		return err
	}
	o.damaged += len(bad)
	for _, d := range bad {
		o.state.Report(d)
	}
	o.state.LogDamage(o.logger)
	return nil
}
