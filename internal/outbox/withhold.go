package outbox

import (
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

// due reports whether an event in flight of which nothing was sent yet is still to be sent: no alarm is raised while it is
// muted.
func (o *Outbox) due(q *queue.Queue, r *queue.Row) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	fresh := r.Kind == alarm.Raise && r.Repeat == 0 && r.First()
	return !fresh || q.Route.EveryTransition || !o.state.newPlan().withheld(q.Name, &r.Alarm)
}

// withhold ends a delivery that sent nothing, and drops its row unless another one depends on it.
func (o *Outbox) withhold(q *queue.Queue, r *queue.Row) {
	o.mu.Lock()
	q.Ended(r, o.state.clock.run(), 0, queue.ErrWithheld)
	q.KeptBack(r)
	o.mu.Unlock()
	err := o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		p.announce(r.Alarm.ID)
		p.dropEnded(q, r)
	}})
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.state.logger.Error("the outbox cannot be written", "receiver", q.Name, "err", err)
	}
	if !r.Gone() {
		q.Again(r, 0)
	}
}

// dropEnded drops an unsent raise together with its clear, if that is the next row.
func (p *plan) dropEnded(q *queue.Queue, r *queue.Row) {
	rows := p.alarmQueue(q, r.QueueKey())
	if len(rows) < 2 || rows[0] != r || r.Seen() || rows[1].Kind != alarm.Clear || p.isAwaited(q, r) || p.isAwaited(q, rows[1]) {
		return
	}
	p.remove(q, r)
	p.remove(q, rows[1])
	p.count(q).coalesced += 2
}

// noteSent stores which rows may have been sent, after the last delivery of the process: the next one withholds raises
// that were not. After a crash it has to assume of each first row that it was sent, because storing that before each
// delivery would cost a transaction.
func (o *Outbox) noteSent() {
	o.mu.Lock()
	waits := slices.ContainsFunc(o.state.queues, func(q *queue.Queue) bool { return q.Len() > 0 })
	o.mu.Unlock()
	if !waits {
		return
	}
	err := o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		rows := map[string][]uint64{}
		for _, q := range p.state.queues {
			rows[q.Name] = nil
			for _, r := range q.Rows() {
				if r.Seen() {
					rows[q.Name] = append(rows[q.Name], r.Seq())
				}
			}
		}
		p.sent = (&store.Sent{Boots: o.state.boots, Rows: rows}).Bounded()
	}})
	if err != nil {
		o.state.logger.Error("the outbox cannot be written", "err", err)
	}
}
