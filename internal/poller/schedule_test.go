package poller

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestScheduleHasTheNextInFront(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := 1; n <= 20; n++ {
		states := map[string]*state{}
		for i := range n {
			states[fmt.Sprint(i)] = &state{next: start.Add(time.Duration(r.IntN(60)) * time.Second)}
		}
		q := newSchedule(states)
		for range 200 {
			for _, s := range states {
				if s.next.Before(q[0].next) {
					t.Fatalf("of %d the one in front is due at %v, another one at %v", n, q[0].next, s.next)
				}
			}
			if some := q[r.IntN(n)]; r.IntN(2) == 0 {
				q.hasten(some, some.next.Add(-time.Duration(r.IntN(60))*time.Second))
			} else {
				q.postpone(q[0].next.Add(time.Duration(r.IntN(90)) * time.Second))
			}
		}
	}
}
