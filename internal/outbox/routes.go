package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
)

// SetRoutes replaces the receivers, and the mutes of the configuration, while the outbox runs. The events of a removed receiver are kept until it is configured
// again, as across a restart. Added receivers are sent the active alarms. The others are tried at once, because the change
// may have removed the cause of a failure.
func (o *Outbox) SetRoutes(routes []*queue.Route, mutes *mute.Rules, now time.Time) error {
	o.mu.Lock()
	unanswered := o.unanswered()
	o.mu.Unlock()
	if unanswered {
		return ErrInDoubt
	}
	ctx, cancel := o.patience()
	defer cancel()
	if !o.routing.Lock(ctx) {
		return ErrInDoubt
	}
	defer o.routing.Unlock()
	removed, err := o.swap(ctx, routes, mutes)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	for _, q := range removed {
		q.StopAndWait()
		o.Metrics.End(q.Name)
	}
	select {
	case o.routed <- struct{}{}:
	default:
	}
	err = o.do(&change{now: now, plan: (*plan).welcome})
	if lost := (*ledger.Lost)(nil); errors.Is(err, ErrInDoubt) || errors.As(err, &lost) {
		return nil // it is done as soon as the cluster answers; of lost shards, the next owner does it
	}
	return err
}

// welcome announces all alarms, after the receivers have changed.
func (p *plan) welcome() {
	if p.state.rerouted {
		p.announceAll(p.state.newcomers)
		p.welcomed = true
	}
}

// swap replaces the receivers between two transactions. It returns the queues that were removed.
func (o *Outbox) swap(ctx context.Context, routes []*queue.Route, mutes *mute.Rules) (removed []*queue.Queue, err error) {
	if !o.commits.Lock(ctx) {
		return nil, ErrInDoubt
	}
	defer o.commits.Unlock()
	old := o.state.queues.All
	var queues, added []*queue.Queue
	for _, r := range routes {
		i := slices.IndexFunc(old, func(q *queue.Queue) bool { return q.Name == r.Name })
		if i < 0 {
			o.Metrics.Begin(r.Name)
			added = append(added, queue.New(r, o.state.receiver(r)))
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
	if len(added) > 0 {
		err = o.state.takeBack(added)
	}
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, q := range queues {
		q.SetRoute(routes[i], o.state.receiver(routes[i]))
	}
	for _, q := range removed {
		delete(o.state.short, q)
		o.state.warnOfOrphan(q.Name, q.Len())
	}
	o.state.queues.Use(queues)
	o.state.mutes = o.state.mutes.WithRules(mutes)
	o.state.index.Inhibit(o.state.options.Inhibit, o.state.mutes)
	o.state.rerouted = true
	o.state.newcomers = slices.DeleteFunc(append(o.state.newcomers, added...), func(q *queue.Queue) bool { return slices.Contains(removed, q) })
	return removed, nil
}

// dispatchAll runs the deliveries to each receiver, including receivers that are added later.
func (o *Outbox) dispatchAll(ctx context.Context, start func(func() error)) {
	for ctx.Err() == nil {
		o.mu.Lock()
		for _, q := range o.state.queues.All {
			if q.Begun() {
				continue
			}
			work, stop := context.WithCancel(context.WithoutCancel(ctx))
			ended := q.Begin(stop)
			start(func() error { return o.recallAcks(ctx, q) })
			start(func() error {
				defer ended()
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
