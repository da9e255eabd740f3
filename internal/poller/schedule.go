package poller

import (
	"slices"
	"time"
)

// schedule has the target whose pass is due next in front. It is a heap: none is due before those at
// half its position.
type schedule []*state

func newSchedule(states map[string]*state) schedule {
	q := make(schedule, 0, len(states))
	for _, s := range states {
		q = append(q, s)
	}
	slices.SortFunc(q, func(a, b *state) int { return a.next.Compare(b.next) })
	return q
}

// postpone moves the target in front to where the time of its next pass belongs.
func (q schedule) postpone(next time.Time) {
	q[0].next = next
	for i := 0; ; {
		sooner := 2*i + 1
		if sooner+1 < len(q) && q[sooner+1].next.Before(q[sooner].next) {
			sooner++
		}
		if sooner >= len(q) || !q[sooner].next.Before(next) {
			return
		}
		q[i], q[sooner] = q[sooner], q[i]
		i = sooner
	}
}

// hasten makes a target of the schedule due at a time before its own.
func (q schedule) hasten(s *state, at time.Time) {
	i := slices.Index(q, s)
	if i < 0 || !at.Before(s.next) {
		return
	}
	s.next = at
	for parent := (i - 1) / 2; i > 0 && q[i].next.Before(q[parent].next); parent = (i - 1) / 2 {
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}
