package listen

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"trapline/internal/journal"
	"trapline/internal/originator"
	"trapline/internal/relay"
	"trapline/internal/traps"
)

// worker handles the datagrams of some senders, in their order.
type worker struct {
	listener *Listener
	queue    *queue
	batch    batch
	setup    *setup // that decoder and names are of
	decoder  *originator.Decoder
	names    map[string]string // of notifications, by OID
	*memory

	busy       chan struct{} // holds one while notifications are being taken
	commitment commitment
	late       late
	lines      []byte          // of the log file
	context    context.Context // of run
}

// maxTrapNames bounds the names of notifications that a worker remembers.
const maxTrapNames = 4096

func newWorker(l *Listener, of int) *worker {
	w := &worker{listener: l, queue: newQueue(), context: context.Background(), busy: make(chan struct{}, 1)}
	if l.options.Relay == nil {
		w.memory = newMemory(of)
		return w
	}
	if l.memory == nil {
		l.memory = newSharedMemory()
	}
	w.memory = l.memory
	return w
}

func (w *worker) run(ctx context.Context) {
	w.context = ctx
	for {
		var again <-chan time.Time
		if len(w.late.conditions) > 0 {
			again = time.After(lateInterval)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.queue.ready:
			w.busy <- struct{}{}
			w.handle(w.queue.take(w.batch))
			<-w.busy
		case <-again:
			w.busy <- struct{}{}
			w.commit()
			<-w.busy
		}
	}
}

// handle handles datagrams that came.
func (w *worker) handle(b batch) {
	w.adopt(w.listener.current.Load())
	begin := 0
	for i := range b.list {
		d := &b.list[i]
		if d.handed != nil {
			w.takeHanded(d)
		} else {
			w.take(d, b.octets[begin:d.end])
		}
		if begin = d.end; len(w.commitment.transitions)+len(w.commitment.forwards) >= maxCommitment || len(w.lines) >= maxLines {
			w.store()
		}
	}
	w.store()
	w.batch = b
}

// The alarms and forwarded notifications of a transaction, and the octets of the log that are written at once. A batch may
// be of 16 MiB, and templates make far more of it.
const (
	maxCommitment = 2000
	maxLines      = 1 << 20
)

// store stores what the notifications up to here caused.
func (w *worker) store() {
	w.commit()
	w.listener.log.write(w.lines)
	w.lines = w.lines[:0]
}

// adopt takes over a configuration.
func (w *worker) adopt(s *setup) {
	if w.setup == s {
		return
	}
	if w.setup == nil || w.setup.authority != s.authority {
		decoder, err := s.authority.Decoder()
		if err != nil {
			w.listener.options.Logger.Error("traps cannot be authenticated", "err", err)
			decoder, _ = new(originator.Authority).Decoder() // which accepts nothing
		}
		w.decoder = decoder
	}
	w.setup, w.names = s, map[string]string{}
}

// take handles a datagram.
func (w *worker) take(d *datagram, octets []byte) {
	r, answer, err := w.decoder.Decode(octets, d.from)
	trap := traps.Trap{At: d.at}
	if err == nil {
		err = trap.Read(r)
	}
	if err != nil {
		if answer != nil && r == nil {
			d.socket.answer(answer, d.from)
		}
		if errors.Is(err, originator.ErrAnsweredUser) {
			w.listener.buckets.refund(d.from.Addr().WithZone(""))
		}
		w.refuse(d.from.Addr(), err)
		return
	}
	trap.Target, trap.Device = w.setup.owners.Of(&trap)
	var acknowledge func()
	then := waiting{trap: true}
	if answer != nil {
		socket, to := d.socket, d.from
		acknowledge = func() { socket.answer(answer, to) }
		then = waiting{done: func(taken bool) {
			if taken {
				acknowledge()
			}
		}}
	}
	owner := trap.Owner()
	shard, here := w.listener.options.Relay.Shard(owner)
	if !here {
		w.listener.options.Relay.Hand(relay.NewNotification(owner, trap.Device, trap.At, r), acknowledge)
		return
	}
	w.accept(&trap, shard, then)
}

// takeHanded takes a notification that another member has received, if this one takes those of its shard. One that was taken before is
// not taken again: the answer about that was lost.
func (w *worker) takeHanded(d *datagram) {
	n := d.handed.notification
	if !w.listener.options.Relay.Accepts(n.Shard) {
		d.handed.done(false)
		return
	}
	trap := traps.Trap{At: d.at}
	if !w.handed.first(n.ID, reception{w.listener.elapsed(), n.Shard}) || trap.Read(n.Received()) != nil {
		d.handed.done(true)
		return
	}
	trap.Target, trap.Device = w.setup.owners.Called(n.Owner), n.Device
	w.accept(&trap, n.Shard, waiting{trap: !n.Inform, done: func(taken bool) {
		if !taken {
			w.handed.forget(n.ID)
		}
		d.handed.done(taken)
	}})
}

// accept takes a notification of a device that this process owns, with the shard that it has in a cluster.
func (w *worker) accept(trap *traps.Trap, shard string, then waiting) {
	then.seen = w.traps
	if trap.Received.Inform {
		then.seen = w.informs
	}
	then.hash = trap.Hash()
	now := w.listener.elapsed()
	received := reception{min(trap.At.Sub(w.listener.began), now), shard}
	if then.seen.first(then.hash, received) && !w.echoes(trap, now) {
		w.count(trap)
		w.repoll(trap)
		if w.setup.settings.Log.File != "" {
			w.lines = appendLog(w.lines, trap, &w.setup.in)
		}
		if w.setup.forward {
			w.commitment.forward(trap)
			w.listener.echoes.pass(trap, now)
		}
		if sources := w.apply(trap, received); len(sources) > 0 || w.setup.forward {
			if w.commitment.unsure == nil {
				w.commitment.unsure = map[uint64][]string{}
			}
			w.commitment.unsure[then.hash] = sources
		}
	}
	if w.commitment.has(then.hash) {
		w.commitment.waiting = append(w.commitment.waiting, then)
	} else {
		then.end(true)
	}
}

// echoes reports whether a notification was passed on from here before, and refuses it. As an inform it is acknowledged.
func (w *worker) echoes(t *traps.Trap, now time.Duration) bool {
	if !w.setup.forward || !w.listener.echoes.has(t, now) {
		return false
	}
	w.listener.refusals.refuse(t.Received.From.Addr().WithZone(""), refusedEcho, now)
	return true
}

// reportRule logs an annotation of a rule that cannot be used, with the refusals.
func (w *worker) reportRule(alert string, err error) {
	if _, ok := w.listener.doubts.take(w.listener.elapsed()); ok {
		w.listener.options.Logger.Warn("annotations of a trap rule are left out", "alert", alert, "err", err)
	}
}

func (w *worker) refuse(sender netip.Addr, err error) {
	if errors.Is(err, originator.ErrDiscovery) || errors.Is(err, originator.ErrAnswered) {
		return
	}
	var attrs []any
	if reason := reasonOf(err); reason != refusedCommunity { // which is a secret
		attrs = []any{"err", err}
	}
	w.listener.refusals.refuse(sender.WithZone(""), reasonOf(err), w.listener.elapsed(), attrs...)
}

// count names, counts and notes a trap.
func (w *worker) count(t *traps.Trap) {
	l := w.listener
	t.Name = w.nameOf(t)
	target := ""
	if t.Target != nil {
		target = t.Target.Name
	}
	l.counts.add(target, t.Name)
	if t.Target == nil {
		l.unknown.add(t)
	}
	if more, ok := l.notes.take(l.elapsed()); ok {
		e := journal.Event{At: t.At, Kind: journal.Trap, Target: target, Value: t.Name, Text: t.Text(w.setup.in.Tree)}
		if target == "" {
			e.Resource = t.Device.String()
		}
		if more > 0 {
			l.options.Note(journal.Event{At: t.At, Kind: journal.Trap, Value: otherName, Text: moreText(more)})
		}
		l.options.Note(e)
	}
}

// nameOf returns the name of a notification, or its OID in numbers.
func (w *worker) nameOf(t *traps.Trap) string {
	if name, known := w.names[string(t.OID)]; known {
		return name
	}
	name := t.OID.String()
	if w.setup.in.Tree != nil {
		if i := w.setup.in.Tree.Object(t.OID); i.Node != nil && len(i.Index) == 0 {
			name = i.Short()
		}
	}
	if len(w.names) >= maxTrapNames {
		clear(w.names)
	}
	w.names[string(t.OID)] = name
	return name
}
