package listen

import (
	"errors"
	"net/netip"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/traps"
)

// commitment has the changes that a worker stores in one transaction, and the informs that it acknowledges afterwards.
type commitment struct {
	transitions []outbox.Transition
	raised      []raised // and cleared, in order
	waiting     []waiting
	forwards    []alarm.Event
	unsure      map[uint64][]string // the sources of the notifications in it, by hash
}

// raised is a condition that ends by an expression, or that a trap has cleared.
type raised struct {
	target, source string
	condition      *condition // nil if it is cleared
}

// waiting is a notification that is acknowledged after the transaction.
type waiting struct {
	hash   uint64
	seen   *once
	answer []byte // nil of a trap
	socket *socket
	to     netip.AddrPort
}

// apply adds the transitions that a trap causes, and returns their sources.
func (c *commitment) apply(t *traps.Trap, s *setup, logger func(rule string, err error)) (sources []string) {
	for _, r := range s.rules {
		if r.Raised(t, &s.in) {
			a, err := r.Alarm(t, &s.in)
			if err != nil {
				logger(r.Alert, err)
			}
			next := outbox.Transition{Alarm: a, Active: true}
			if r.Expires.Duration > 0 {
				next.Lease = t.At.Add(r.Expires.Duration)
			}
			c.transitions = append(c.transitions, next)
			sources = append(sources, a.ID)
			if r.Until != "" {
				c.raised = append(c.raised, raised{a.Target, a.ID, &condition{r.ID(), a.Labels, t.At, next.Lease}})
			}
		}
		if source, cleared := r.Cleared(t, &s.in); cleared {
			c.transitions = append(c.transitions, over(source, t.Name+" was received"))
			sources = append(sources, source)
			if r.Until != "" {
				c.raised = append(c.raised, raised{target: t.Owner(), source: source})
			}
		}
	}
	return sources
}

// has reports whether the notification with a hash is in the transaction.
func (c *commitment) has(hash uint64) bool {
	_, found := c.unsure[hash]
	return found
}

// forward adds a trap to those that are passed on.
func (c *commitment) forward(t *traps.Trap) {
	e := alarm.Event{Kind: alarm.Forward, At: t.At, Trap: t.Forwarded(), Alarm: alarm.Alarm{Address: t.Device, Notification: t.OID.String()}}
	if t.Target != nil {
		e.Alarm.Target, e.Alarm.Labels = t.Target.Name, t.Target.Labels
	}
	c.forwards = append(c.forwards, e)
}

// commit stores the transitions of the traps of a batch, and acknowledges its informs. Those that could not be stored are taken
// when they are sent again.
func (w *worker) commit() {
	c := &w.commitment
	if len(c.transitions)+len(c.forwards) == 0 {
		return
	}
	l := w.listener
	var err, unforwarded error
	if len(c.forwards) > 0 {
		if unforwarded = l.options.Forward(c.forwards, time.Now()); unforwarded != nil {
			l.options.Logger.Error("traps cannot be forwarded", "traps", len(c.forwards), "err", unforwarded)
		}
	}
	if len(c.transitions) > 0 {
		err = l.options.Apply(c.transitions, time.Now())
	}
	refused := map[string]bool{}
	full := (*outbox.FullError)(nil)
	if errors.As(err, &full) {
		for _, source := range full.Refused {
			refused[source] = true
		}
	}
	if err != nil {
		l.options.Logger.Error("alarms of traps cannot be stored", "alarms", len(c.transitions), "err", err)
	}
	stored := func(source string) bool { return err == nil || full != nil && !refused[source] }
	for _, one := range c.raised {
		switch {
		case !stored(one.source):
		case one.condition == nil:
			l.standing.remove(one.target, one.source)
		default:
			l.standing.put(one.target, one.source, *one.condition)
		}
	}
	for _, one := range c.waiting {
		all := unforwarded == nil
		for _, source := range c.unsure[one.hash] {
			all = all && stored(source)
		}
		switch {
		case !all:
			one.seen.forget(one.hash)
		case one.answer != nil:
			one.socket.answer(one.answer, one.to)
		}
	}
	*c = commitment{}
}
