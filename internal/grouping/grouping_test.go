package grouping

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The first message of a group comes after Wait with all that was added, the next ones Interval apart; a group that does
// not go on begins anew.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var got []string
		var failing error
		goesOn := true
		g := &Groups[string]{Wait: 30 * time.Second, Interval: 5 * time.Minute, Send: func(group string, items []string) (bool, error) {
			slices.Sort(items)
			got = append(got, fmt.Sprint(time.Since(begin), " ", group, items))
			return goesOn, failing
		}}
		var wait sync.WaitGroup
		add := func(item string) {
			wait.Go(func() {
				if err := g.Add(t.Context(), "g", item); !errors.Is(err, failing) {
					t.Error(err)
				}
			})
		}
		add("a")
		time.Sleep(20 * time.Second)
		add("b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Add(ctx, "g", "left"); err == nil {
			t.Error("an item was sent whose context ended")
		}
		wait.Wait()
		add("c")
		time.Sleep(time.Minute)
		add("d")
		wait.Wait()
		failing, goesOn = errors.New("refused"), false
		add("e")
		wait.Wait()
		add("f")
		wait.Wait()
		want := []string{"30s g[a b]", "5m30s g[c d]", "10m30s g[e]", "11m0s g[f]"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// Settings that change at random times put off no message, and a shorter wait or interval takes effect at once.
func TestReplansPutNothingOff(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			durations := []time.Duration{0, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute}
			var last atomic.Pointer[time.Time] // of the group's messages
			g := &Groups[int]{Wait: time.Minute, Interval: time.Minute, Send: func(string, []int) (bool, error) {
				now := time.Now()
				last.Store(&now)
				return true, nil
			}}
			for n := range 30 {
				begun, done := time.Now(), make(chan error)
				due := func() time.Time {
					if at := last.Load(); at != nil {
						return at.Add(g.Interval)
					}
					return begun.Add(g.Wait)
				}
				planned := due()
				if planned.Before(begun) {
					planned = begun
				}
				go func() { done <- g.Add(t.Context(), "g", n) }()
				synctest.Wait()
				for waiting := true; waiting; {
					select {
					case err := <-done:
						if waiting = false; err != nil || !time.Now().Equal(planned) {
							t.Fatalf("seed %d, message %d: sent %v after it was due, %v", seed, n, time.Since(planned), err)
						}
					case <-time.After(time.Duration(1 + r.Int64N(int64(20*time.Second)))):
						g.Replan(durations[r.IntN(len(durations))], durations[r.IntN(len(durations))])
						if at := due(); at.Before(planned) {
							planned = at
							if now := time.Now(); planned.Before(now) {
								planned = now
							}
						}
					}
				}
			}
		})
	}
}

// Whatever is added by many: each item is sent once.
func TestEachItemIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := map[int]int{}
		g := &Groups[int]{Wait: time.Second, Interval: time.Minute, Send: func(_ string, items []int) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, one := range items {
				sent[one]++
			}
			return true, nil
		}}
		var wait sync.WaitGroup
		for i := range 1000 {
			wait.Go(func() {
				time.Sleep(time.Duration(i%97) * time.Second)
				_ = g.Add(t.Context(), fmt.Sprint(i%7), i)
			})
		}
		wait.Wait()
		for i := range 1000 {
			if sent[i] != 1 {
				t.Errorf("%d was sent %d times", i, sent[i])
			}
		}
	})
}
