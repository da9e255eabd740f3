package listen

import (
	"errors"
	"slices"
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
	fresh       map[string]int      // how many conditions it has of each target, at most
	refused     map[string]bool     // sources of conditions that the target may not have
}

// raised is a condition that a trap has raised or cleared.
type raised struct {
	target, source string
	condition      *condition // nil if it is cleared
}

// waiting is a notification that ends with the transaction.
type waiting struct {
	hash uint64
	seen *once
	trap bool             // which nobody sends again
	done func(taken bool) // nil if nobody waits for that
}

func (w *waiting) end(taken bool) {
	if w.done != nil {
		w.done(taken)
	}
}

// apply adds the transitions that a trap causes, and returns their sources.
func (w *worker) apply(t *traps.Trap, received reception) (sources []string) {
	c, s, target := &w.commitment, w.setup, ""
	if t.Target != nil {
		target = t.Target.Name
	}
	for _, r := range s.rules {
		if r.Raised(t, &s.in) {
			a, err := r.Alarm(t, &s.in)
			if err != nil {
				w.reportRule(r.Alert, err)
			}
			if w.sequence.overtaken(a.ID, received, w.listener.elapsed()) {
				continue
			}
			sources = append(sources, a.ID)
			if !w.admits(target, a.ID, t.At) {
				continue
			}
			next := outbox.Transition{Alarm: a, Active: true}
			if r.Expires.Duration > 0 {
				next.Lease = t.At.Add(r.Expires.Duration)
			}
			c.transitions = append(c.transitions, next)
			c.raised = append(c.raised, raised{target, a.ID, &condition{r.ID(), a.Target, a.Labels, t.At, next.Lease}})
		}
		if end, cleared := r.Cleared(t, &s.in); cleared && !w.sequence.overtaken(end.ID, received, w.listener.elapsed()) {
			c.transitions = append(c.transitions, outbox.Transition{Alarm: end})
			sources = append(sources, end.ID)
			c.raised = append(c.raised, raised{target: target, source: end.ID})
		}
	}
	return sources
}

// admits reports whether a target may have one more condition, and notes it. One that it may not have is as one that cannot
// be stored: an inform is not acknowledged.
func (w *worker) admits(target, source string, now time.Time) bool {
	c, l := &w.commitment, w.listener
	if c.fresh == nil {
		c.fresh, c.refused = map[string]int{}, map[string]bool{}
	}
	admitted := l.standing.admits(target, source, c.fresh[target], now)
	if !admitted {
		l.resync(now)
		admitted = l.standing.admits(target, source, c.fresh[target], now)
	}
	if admitted {
		c.fresh[target]++
		return true
	}
	c.refused[source] = true
	l.excess.Inc()
	if more, ok := l.excesses.take(l.elapsed()); ok {
		l.options.Logger.Warn("alarms of traps are refused: one target has too many with different keys", "target", target, "most", maxConditions, "more", more)
	}
	return false
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
	c, l := &w.commitment, w.listener
	w.late.due(c, l.elapsed())
	if len(c.transitions)+len(c.forwards)+len(c.waiting) == 0 {
		return
	}
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
	stored := func(source string) bool { return !c.refused[source] && (err == nil || full != nil && !refused[source]) }
	for _, one := range c.raised {
		if !stored(one.source) {
			continue
		}
		delete(w.late.conditions, one.source)
		if one.condition == nil {
			l.standing.remove(one.target, one.source)
		} else {
			l.standing.put(one.target, one.source, *one.condition)
		}
	}
	for _, one := range c.waiting {
		all := unforwarded == nil
		for _, source := range c.unsure[one.hash] {
			all = all && stored(source)
		}
		switch {
		case !all && one.trap && err != nil && full == nil:
			if lost := w.late.keep(c, c.unsure[one.hash], l.elapsed()); lost > 0 {
				l.options.Logger.Error("alarms of traps are lost, which could not be stored", "alarms", lost)
			}
			one.end(true)
		case !all:
			one.seen.forget(one.hash)
			one.end(one.trap)
		default:
			one.end(true)
		}
	}
	*c = commitment{}
}

const (
	// maxLate is how many conditions of traps a worker keeps that could not be stored, and lateTime how long.
	maxLate  = 2000
	lateTime = 5 * time.Minute
	// lateInterval is how often it tries to store them.
	lateInterval = time.Second
)

// late are conditions of traps that could not be stored. A trap is not sent again, as an inform is. Of each source the last one
// counts: an older one is never stored after it.
type late struct {
	conditions map[string]lateCondition // by source
	next       time.Duration            // when they are tried again
}

type lateCondition struct {
	transition outbox.Transition
	raised     raised
	until      time.Duration
}

// keep keeps the transitions of a trap, as far as there is a place.
func (l *late) keep(c *commitment, sources []string, now time.Duration) (lost int) {
	if l.conditions == nil {
		l.conditions = map[string]lateCondition{}
	}
	for i := range c.transitions {
		source := c.transitions[i].Alarm.ID
		if !slices.Contains(sources, source) || c.refused[source] {
			continue
		}
		if _, known := l.conditions[source]; !known && len(l.conditions) >= maxLate {
			lost++
			continue
		}
		l.conditions[source] = lateCondition{c.transitions[i], c.raised[i], now + lateTime}
		l.next = now + lateInterval
	}
	return lost
}

// due adds the conditions that are to be tried again to a transaction, in which no later ones of their sources are.
func (l *late) due(c *commitment, now time.Duration) {
	if len(l.conditions) == 0 || now < l.next {
		return
	}
	l.next = now + lateInterval
	newer := map[string]bool{}
	for i := range c.transitions {
		newer[c.transitions[i].Alarm.ID] = true
	}
	for source, one := range l.conditions {
		switch {
		case now >= one.until:
			delete(l.conditions, source)
		case !newer[source]:
			c.transitions, c.raised = append(c.transitions, one.transition), append(c.raised, one.raised)
		}
	}
}
