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
