package poller

import (
	"fmt"
	"time"
)

// schedule has the target whose pass is due next in front. It is a heap: none is due before those at
// half its position.
type schedule []*state

// add adds a target.
func (q *schedule) add(s *state) {
	s.position = len(*q)
	*q = append(*q, s)
	q.up(s.position)
}

// remove removes a target, if it is there.
func (q *schedule) remove(s *state) {
	if !q.has(s) {
		return
	}
	i, last := s.position, len(*q)-1
	q.swap(i, last)
	(*q)[last] = nil
	*q = (*q)[:last]
	if i < last {
		q.down(i)
		q.up(i)
	}
}

// postpone moves the target in front to where the time of its next pass belongs.
func (q schedule) postpone(next time.Time) {
	q[0].next = next
	q.down(0)
}

// hasten makes a target of the schedule due at a time before its own.
func (q schedule) hasten(s *state, at time.Time) {
	if q.has(s) && at.Before(s.next) {
		s.next = at
		q.up(s.position)
	}
}

// replan makes a target due an interval after its last poll, if that is before the time planned: a shorter interval takes
// effect at once, and a longer one from the next poll on.
func (q schedule) replan(s *state, now time.Time) {
	if s.begun.IsZero() {
		return
	}
	if due := s.begun.Add(s.target.Interval); due.After(now) {
		q.hasten(s, due)
	} else {
		q.hasten(s, now)
	}
}

func (q schedule) has(s *state) bool { return s.position < len(q) && q[s.position] == s }

func (q schedule) down(i int) {
	for {
		sooner := 2*i + 1
		if sooner+1 < len(q) && q[sooner+1].next.Before(q[sooner].next) {
			sooner++
		}
		if sooner >= len(q) || !q[sooner].next.Before(q[i].next) {
			return
		}
		q.swap(i, sooner)
		i = sooner
	}
}

func (q schedule) up(i int) {
	for parent := (i - 1) / 2; i > 0 && q[i].next.Before(q[parent].next); parent = (i - 1) / 2 {
		q.swap(i, parent)
		i = parent
	}
}

func (q schedule) swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].position, q[j].position = i, j
}

// PausedError is why a target is not polled although it was asked for.
type PausedError struct{ Target, Why string }

func (e *PausedError) Error() string { return fmt.Sprintf("%s is not polled: %s", e.Target, e.Why) }

// pausedNow reports whether a target is not polled. u may be nil.
func (u *Summary) pausedNow() bool { return u != nil && u.Paused != "" }

// paused returns why a target is not polled, "" if it is.
func (p *Poller) paused(name string) string {
	if p.options.Paused == nil {
		return ""
	}
	return p.options.Paused(name, time.Now())
}

// pauses reports whether a poll that is due is left out, because the target is paused. All that is known of it stays as it
// is.
func (p *Poller) pauses(s *state) bool {
	why := p.paused(s.target.Name)
	if why != s.summary.Load().Paused {
		s.update(func(u *Summary) { u.Paused = why })
		p.version.Add(1)
		if why == "" {
			p.options.Logger.Info("target is polled again", "target", s.target.Name)
		} else {
			p.options.Logger.Info("target paused", "target", s.target.Name, "why", why)
		}
	}
	if why == "" {
		return false
	}
	p.pulse.beat()
	if !s.running.Load() {
		s.rest()
	}
	return true
}
