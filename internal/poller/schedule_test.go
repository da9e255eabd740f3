package poller

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestScheduleHasTheNextInFront(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := 1; n <= 20; n++ {
		var q schedule
		var states []*state
		add := func() {
			s := &state{next: start.Add(time.Duration(r.IntN(60)) * time.Second)}
			q.add(s)
			states = append(states, s)
		}
		for range n {
			add()
		}
		for range 200 {
			for _, s := range states {
				if s.next.Before(q[0].next) {
					t.Fatalf("of %d the one in front is due at %v, another one at %v", n, q[0].next, s.next)
				}
			}
			if len(q) != len(states) {
				t.Fatalf("%d states, want %d", len(q), len(states))
			}
			i := r.IntN(len(states))
			switch some := states[i]; r.IntN(4) {
			case 0:
				q.hasten(some, some.next.Add(-time.Duration(r.IntN(60))*time.Second))
			case 1:
				q.remove(some)
				q.remove(some)
				q.hasten(some, start)
				states[i] = states[len(states)-1]
				states = states[:len(states)-1]
				add()
			default:
				q.postpone(q[0].next.Add(time.Duration(r.IntN(90)) * time.Second))
			}
		}
	}
}
