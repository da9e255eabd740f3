package listen

import (
	"context"

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
