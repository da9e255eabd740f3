package poller

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Every caller of PollNow waits for a poll that ends after the call; there is one at a time.
func TestPollNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["a"] = time.Second
		poll(t, n, 0, []*Target{target("a", 10*time.Minute), target("b", 10*time.Minute)}, func(p *Poller) {
			time.Sleep(9 * time.Minute)
			before := n.count("a")
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					asked := time.Now()
					if err := p.PollNow(t.Context(), "a"); err != nil {
						t.Error(err)
					}
					if r, _ := p.Report("a"); r.Last.Start.Before(asked) {
						t.Errorf("asked at %v, the last poll began at %v", asked, r.Last.Start)
					}
				})
			}
			group.Wait()
			if got := n.count("a") - before; got != 1 {
				t.Errorf("5 wishes made %d polls", got)
			}
			if r, _ := p.Report("a"); r.Health == nil || len(n.overlap) > 0 {
				t.Errorf("polls of %v overlapped", n.overlap)
			}
			time.Sleep(4 * time.Minute)
			if got := n.count("a") - before; got != 1 {
				t.Errorf("%d polls: the next one is not counted from the one that was wished for", got)
			}
			time.Sleep(20 * time.Minute)
			if got := n.count("a") - before; got < 2 {
				t.Error("the schedule does not go on")
			}
			if got := n.count("b"); got < 3 {
				t.Errorf("the other target has %d polls", got)
			}
		})
	})
}

func TestPollNowJoinsTheOneThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["a"] = 20 * time.Second
		poll(t, n, 0, []*Target{target("a", time.Minute)}, func(p *Poller) {
			time.Sleep(10 * time.Second) // into the first
			if err := p.PollNow(t.Context(), "a"); err != nil || n.count("a") != 1 {
				t.Errorf("%v, %d polls", err, n.count("a"))
			}
			if r, _ := p.Report("a"); r.Last == nil {
				t.Error("it has not ended")
			}
		})
	})
}

func TestPollNowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["a"] = 20 * time.Second
		poll(t, n, 0, []*Target{target("a", time.Hour)}, func(p *Poller) {
			if err := p.PollNow(t.Context(), "nobody"); !errors.Is(err, ErrNoTarget) {
				t.Error(err)
			}
			time.Sleep(30 * time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := p.PollNow(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		// Without Run nothing begins; a new configuration ends the waiting.
		p := New(Options{PassOptions: PassOptions{Open: n.open}})
		p.SetTargets([]*Target{target("a", time.Hour)})
		ended := make(chan error)
		go func() { ended <- p.PollNow(t.Context(), "a") }()
		synctest.Wait()
		p.SetTargets(nil)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
