package listen

import (
	"context"
	"time"

	"trapline/internal/relay"
)

// Take takes notifications that other members have received, in their order, and reports which it has taken. It returns when their
// alarms are stored.
func (l *Listener) Take(ctx context.Context, list []*relay.Notification) []bool {
	type outcome struct {
		at    int
		taken bool
	}
	outcomes := make(chan outcome, len(list))
	waits := 0
	for i, n := range list {
		w := l.workerOf(n.From.Addr().WithZone(""))
		d := datagram{at: n.At(), handed: &handed{n, func(taken bool) { outcomes <- outcome{i, taken} }}}
		if w.queue.put(d, n.VarBinds, len(l.workers)) {
			waits++
		}
	}
	taken := make([]bool, len(list))
	for ; waits > 0; waits-- {
		select {
		case o := <-outcomes:
			taken[o.at] = o.taken
		case <-ctx.Done():
			return taken
		}
	}
	return taken
}

// Settle returns when the notifications are taken that workers have begun with.
func (l *Listener) Settle(ctx context.Context) {
	for _, w := range l.workers {
		select {
		case w.busy <- struct{}{}:
			<-w.busy
		case <-ctx.Done():
			return
		}
	}
}

// Remembered returns which notifications of the devices of a shard were taken lately.
func (l *Listener) Remembered(shard string) *relay.Memory {
	m, now := l.memory, l.elapsed()
	return &relay.Memory{Traps: m.traps.of(shard, now), Informs: m.informs.of(shard, now), Handed: m.handed.of(shard, now), Conditions: m.sequence.of(shard, now)}
}

// Remember adds those that the last owner of a shard had taken when it wrote that.
func (l *Listener) Remember(shard string, from *relay.Memory, written time.Time) {
	m, now := l.memory, l.elapsed()
	at := written.Sub(l.began)
	m.traps.remember(shard, from.Traps, at, now)
	m.informs.remember(shard, from.Informs, at, now)
	m.handed.remember(shard, from.Handed, at, now)
	m.sequence.remember(shard, from.Conditions, at, now)
}
