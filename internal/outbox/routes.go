package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
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

// swap puts the receivers in place, between two transactions.
func (o *Outbox) swap(routes []*Route) (added, removed []*queue, err error) {
	o.commits.Lock()
	defer o.commits.Unlock()
	old := o.state.queues
	var queues []*queue
	for _, r := range routes {
		i := slices.IndexFunc(old, func(q *queue) bool { return q.name == r.Name })
		if i < 0 {
			o.Metrics.begin(r.Name)
			added = append(added, o.state.newQueue(r))
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
	err = o.state.dir.Update(func(tx *bbolt.Tx) error {
		for _, q := range added {
			if err := o.state.loadQueue(tx, q); err != nil {
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
		q.route, q.receiver = routes[i], o.state.receiver(routes[i])
		q.resetBackoff()
	}
	for _, q := range removed {
		delete(o.state.short, q)
		o.state.warnOfOrphan(q.name, q.count)
	}
	o.state.setQueues(queues)
	return added, removed, nil
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
		for _, q := range o.state.queues {
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
