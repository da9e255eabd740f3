package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
	"trapline/internal/outbox/store"
	"trapline/internal/snmp"
)

// Run delivers notifications until ctx is canceled, and then, for up to drainTime, those that can be delivered at once.
// The others are delivered after the next start.
func (o *Outbox) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.keepHouse(ctx) })
	group.Go(func() error { return o.keepJournal(ctx) })
	group.Go(func() error { return o.recall(ctx) })
	group.Go(func() error { return o.recallDay(ctx) })
	o.dispatchAll(ctx, group.Go)
	err := group.Wait()
	o.giveUp()
	o.noteSent()
	return err
}

// drainTime is the maximum duration of deliveries after Run is canceled, drainPause the maximum wait before one of them.
const drainTime, drainPause = 5 * time.Second, 100 * time.Millisecond

// dispatch delivers to one receiver until ctx ends, and then, until work ends, the rows that can be delivered at once.
func (o *Outbox) dispatch(ctx, work context.Context, q *queue.Queue) {
	defer q.Stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, q.Stop) })()
	var group errgroup.Group
	defer func() { _ = group.Wait() }()
	for work.Err() == nil {
		ending := ctx.Err() != nil
		o.mu.Lock()
		silent := o.silence(q)
		r, expired, wait := q.Take(o.state.clock.Run())
		route, flying, failing := q.Route, q.InFlight(), q.Failing()
		o.mu.Unlock()
		if silent && (wait == 0 || wait > silentPause) {
			wait = silentPause
		}
		switch {
		case expired:
			group.Go(func() error { o.deadLetter(work, q, r, errExpired); return nil })
		case r != nil:
			group.Go(func() error { o.deliver(work, q, r, route); return nil })
		case ending && (failing || flying == 0 && (wait == 0 || wait > drainPause)):
			q.Stop()
		case ending:
			idle(work, q.Wake, wait)
		default:
			idle(ctx, q.Wake, wait)
		}
	}
}

// idle returns when ctx ends, wake receives a value, or wait has elapsed. A wait of zero means no limit.
func idle(ctx context.Context, wake <-chan struct{}, wait time.Duration) {
	var alarm <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
	case <-wake:
	case <-alarm:
	}
}

// errExpired is the error of an event that is given up after the receiver's MaxAge.
var errExpired = errors.New("not acknowledged in time")

func (o *Outbox) deliver(ctx context.Context, q *queue.Queue, r *queue.Row, route *queue.Route) {
	defer o.notifyEnded()
	receipt, err := route.Deliver(queue.WithDue(o.permitted(ctx, q, r), func() bool { return o.due(q, r) }), &r.Event, r.RequestID())
	switch {
	case errors.Is(err, originator.ErrNotPermitted):
		o.keepBack(q, r, receipt)
		return
	case errors.Is(err, queue.ErrWithheld):
		o.withhold(q, r)
		return
	}
	o.mu.Lock()
	q.Ended(r, o.state.clock.Run(), receipt.Sent, err)
	more := err == nil && receipt.Sent > 0 && r.Times() < route.Times
	final := !more && (err == nil || permanent(err))
	if receipt.Sent > 0 && (err == nil || reasonIs(err, access.ErrorStatus)) {
		o.reached(q)
	}
	switch {
	case final:
	case more:
		q.Again(r, o.state.clock.Run()+route.TimesApart)
	case ctx.Err() != nil:
		q.Again(r, 0)
	default:
		o.missed(q, r, receipt, err)
	}
	o.mu.Unlock()
	o.Metrics.Delivered(q.Name, receipt, err, more)
	switch {
	case !final && route.Group != "":
		o.failOver()
	case !final:
	case err == nil:
		o.finish(ctx, q, r, receipt, nil)
	default:
		o.deadLetter(ctx, q, r, err)
	}
}

// reached records that a receiver has answered.
func (o *Outbox) reached(q *queue.Queue) {
	if q.Failing() {
		o.state.logger.Info("receiver works again", "receiver", q.Name, "after", o.state.clock.Wall().Sub(q.Failure().Since).Round(time.Second))
	}
	q.Reach()
}

// missed records that a delivery has failed, and schedules the next try of its row.
func (o *Outbox) missed(q *queue.Queue, r *queue.Row, receipt originator.Receipt, err error) {
	now := o.state.clock.Wall()
	first := !q.Failing()
	q.Tally.Failed(now)
	q.Miss(r, o.state.clock.Run(), queue.Failure{Err: err, Tries: receipt.Sent, Since: now}, hopeless(err))
	if first {
		o.state.logger.Warn("receiver failing", "receiver", q.Name, "reason", string(standing.Reason(err)), "waiting", q.Len(),
			"next_try", (q.RetryAt() - o.state.clock.Run()).Round(time.Second), "err", err)
	}
}

// permanent reports whether the event itself causes the error. An unknown Report may have any cause.
func permanent(err error) bool {
	return reasonIs(err, access.ErrorStatus, access.Malformed) && !errors.Is(err, snmp.UnknownReport)
}

func reasonIs(err error, reasons ...access.Reason) bool {
	var e *originator.Error
	return errors.As(err, &e) && slices.Contains(reasons, e.Reason)
}

// hopeless reports whether the error lasts until the configuration is changed, here or at the receiver.
func hopeless(err error) bool {
	return reasonIs(err, access.UnknownUser, access.WrongDigest, access.UnsupportedLevel, access.Decryption, access.Credentials)
}

// deadLetter stores an event that is given up as a dead letter.
func (o *Outbox) deadLetter(ctx context.Context, q *queue.Queue, r *queue.Row, why error) {
	o.state.logger.Error("notification given up", "receiver", q.Name, "event", r.ID, "kind", string(r.Kind), "alarm", r.Alarm.ID, "err", why)
	reason := outcomes.Refused
	if errors.Is(why, errExpired) {
		reason = outcomes.Expired
	}
	o.Metrics.Dead.WithLabelValues(q.Name, reason).Inc()
	o.finish(ctx, q, r, originator.Receipt{}, why)
}

// finish removes a row that was delivered or given up, from the database and then from memory. It ends soon after ctx.
func (o *Outbox) finish(ctx context.Context, q *queue.Queue, r *queue.Row, receipt originator.Receipt, why error) {
	now := o.state.clock.Wall()
	err := o.do(&change{now: now, until: ctx, plan: func(p *plan) {
		if r.Gone() { // with its shard
			return
		}
		p.remove(q, r)
		if receipt.Sent > 0 || why != nil {
			p.conclude(q, r, receipt.RTT, why)
		}
		if why != nil {
			p.dead = append(p.dead, store.Dead{Receiver: q.Name, Number: r.Seq(), Letter: &DeadLetter{Event: r.Event, Line: r.Line, Why: why.Error(), At: now}})
		}
		at := alarm.Place{Receiver: q.Name, Key: r.QueueKey()}
		switch v := p.View(at); {
		case errors.Is(why, errExpired) && r.Alarm.ID != "" && r.Kind != alarm.Acked:
			p.markUnknown(at, q, r)
		case why == nil && v != nil && v.Unknown && len(p.rows.AlarmQueue(q, at.Key)) == 0:
			p.restate(at) // it answers
		}
	}})
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && why == nil {
		if o.state.shards != nil {
			o.state.clears.Remember(q, r)
		}
	}
	if err == nil && why == nil && receipt.Sent > 0 {
		q.Tally.Acknowledged(now, receipt.RTT)
	}
	if err == nil || r.Gone() {
		return
	}
	o.state.logger.Error("the outbox cannot be written", "receiver", q.Name, "err", err)
	q.Again(r, o.state.clock.Run()+queue.LongestPause) // it will be delivered again
}

// failOver moves notifications to other receivers of the group after a failed delivery.
func (o *Outbox) failOver() {
	if err := o.do(&change{now: o.state.clock.Wall(), plan: (*plan).relieve}); err != nil {
		o.state.logger.Error("the outbox cannot be written", "err", err)
	}
}
