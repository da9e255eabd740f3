package outbox

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
)

// due reports whether an event in flight of which nothing was sent yet is still to be sent: no alarm is raised while it is
// muted.
func (o *Outbox) due(q *queue.Queue, r *queue.Row) bool {
	if o.state.shards != nil && r.Alarm.Rule != alarm.WithoutQuorum && o.mayBeOthers(r) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fresh := r.Kind == alarm.Raise && r.Repeat == 0 && r.First()
	return !fresh || q.Route.EveryTransition || !o.state.newPlan().withheld(q.Name, &r.Alarm)
}

// withhold ends a delivery that sent nothing, and drops its row unless another one depends on it.
func (o *Outbox) withhold(q *queue.Queue, r *queue.Row) {
	o.mu.Lock()
	q.Ended(r, o.state.clock.Run(), 0, queue.ErrWithheld)
	q.KeptBack(r)
	o.mu.Unlock()
	err := o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		p.announce(r.Alarm.ID)
		p.dropEnded(q, r)
	}})
	o.mu.Lock()
	defer o.mu.Unlock()
	pause := time.Duration(0)
	if err != nil {
		o.state.logger.Error("the outbox cannot be written", "receiver", q.Name, "err", err)
		pause = refusedPause
	}
	if !r.Gone() {
		q.Again(r, o.state.clock.Run()+pause)
	}
}

// refusedPause is how long a raise that is muted waits if that cannot be stored.
const refusedPause = time.Second

// dropEnded drops an unsent raise together with its clear, if that is the next row.
func (p *plan) dropEnded(q *queue.Queue, r *queue.Row) {
	rows := p.rows.AlarmQueue(q, r.QueueKey())
	if len(rows) < 2 || rows[0] != r || r.Seen() || rows[1].Kind != alarm.Clear || p.rows.Awaited(q, r) || p.rows.Awaited(q, rows[1]) {
		return
	}
	p.remove(q, r)
	p.remove(q, rows[1])
	p.rows.Count(q).Coalesced += 2
}

// noteSent stores which rows may have been sent, after the last delivery of the process: the next one withholds raises
// that were not. After a crash it has to assume of each first row that it was sent, because storing that before each
// delivery would cost a transaction.
func (o *Outbox) noteSent() {
	o.mu.Lock()
	waits := slices.ContainsFunc(o.state.queues.All, func(q *queue.Queue) bool { return q.Len() > 0 })
	o.mu.Unlock()
	if !waits {
		return
	}
	err := o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		p.sent = (&store.Sent{Boots: o.state.boots, Rows: p.state.queues.Seen()}).Bounded()
	}})
	if err != nil {
		o.state.logger.Error("the outbox cannot be written", "err", err)
	}
}

// silentPause is how often a member that may not send looks whether it may.
const silentPause = 200 * time.Millisecond

// silence has a queue send nothing while this member of a cluster may not, and reports whether that is so.
func (o *Outbox) silence(q *queue.Queue) bool {
	if o.state.shards == nil {
		return false
	}
	silent := !o.state.shards.MaySend()
	q.SetSilent(silent)
	return silent
}

// mayBeOthers reports whether another member may have the shard of a row, or may have had it since the row was taken from its
// queue.
func (o *Outbox) mayBeOthers(r *queue.Row) bool {
	if !o.state.shards.MaySend() {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return r.Gone() || !o.state.shards.Owns(r.Shard)
}

// permitted returns the context of a delivery by a member of a cluster: it is asked before each message whether that may be
// sent. If it may not be sent any more right after it was, the process stood still in between, and the shard may have another
// owner: that one is to send the last word about the alarm.
func (o *Outbox) permitted(ctx context.Context, q *queue.Queue, r *queue.Row) context.Context {
	if o.state.shards == nil {
		return ctx
	}
	if r.Alarm.Rule == alarm.WithoutQuorum {
		return ctx
	}
	return originator.WithPermit(ctx, &originator.Permit{May: func() bool { return !o.mayBeOthers(r) }, Sent: func() {
		if r.Shard != shards.Local && o.mayBeOthers(r) {
			l := shards.LateSend{Receiver: q.Name, Key: r.QueueKey(), Event: &r.Event}
			o.state.shards.Late(r.Shard, r.ID+"@"+q.Name, l.Text())
		}
	}})
}

// keepBack ends a delivery that may not go on.
func (o *Outbox) keepBack(q *queue.Queue, r *queue.Row, receipt originator.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q.Ended(r, o.state.clock.Run(), receipt.Sent, originator.ErrNotPermitted); receipt.Sent == 0 {
		q.KeptBack(r)
	}
	o.silence(q)
	q.Again(r, 0)
}

// notifyEnded signals that a delivery has ended.
func (o *Outbox) notifyEnded() {
	select {
	case o.ended <- struct{}{}:
	default:
	}
}

// Repeat sends the last word about an alarm once more to a receiver that another member has sent an event late, which text is
// about: see shards.Cluster. The receiver may have the alarm as that event says, whatever it has acknowledged or is being sent.
func (o *Outbox) Repeat(text []byte) error {
	var l shards.LateSend
	if err := json.Unmarshal(text, &l); err != nil || l.Event == nil || l.Event.Alarm.ID == "" {
		return err
	}
	at := alarm.Place{Receiver: l.Receiver, Key: l.Key}
	return o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		p.touch(p.state.shards.OfPlace(at.Key)) // else its owner is to do so
		if q := p.state.queues.ByName[at.Receiver]; q != nil {
			p.doubt(at, q, l.Event)
		}
	}})
}

// doubt has a receiver sent the state of a place of which an older event may have been the last one that it has heard.
func (p *plan) doubt(at alarm.Place, q *queue.Queue, heard *alarm.Event) {
	v, rows := p.View(at), p.rows.AlarmQueue(q, at.Key)
	if v != nil && (v.Left || v.Unknown || v.Lost != nil) {
		return // it is sent its state anyway
	}
	says := false // a row that is sent later says whether the alarm is active
	for _, r := range rows {
		if r.Says() {
			p.know(q, r)
			says = says || !r.InFlight()
		}
	}
	unknown := alarm.View{}
	switch last := len(rows) - 1; {
	case says:
		return
	case v != nil:
		unknown = *v
	case last >= 0: // a clear that the receiver may have heard before
		unknown.Event, unknown.Lost = rows[last].ID, &rows[last].Alarm
	case heard.Kind == alarm.Clear:
		return
	default:
		over := heard.Alarm.Over(&alarm.Alarm{Reason: "it is over"})
		if unknown.Event, unknown.Lost = p.eventID(p.state.shards.OfPlace(at.Key)), &over; p.state.clears[at] != nil {
			unknown.Event, unknown.Lost = p.state.clears[at].ID, &p.state.clears[at].Alarm
		}
	}
	unknown.Unknown = true
	if p.PutView(at, &unknown); len(rows) == 0 {
		p.restate(at)
	}
}
