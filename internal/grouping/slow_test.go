package grouping

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However long messages take, and whatever is added meanwhile: of a group one is sent at a time, and the next one begins
// Interval after it, unless the group ended.
func TestSlowMessagesOfAGroupFollowEachOther(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 9))
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			sending, sent, ended := map[string]bool{}, map[int]int{}, map[string]time.Time{}
			g := &Groups[int]{Wait: 3 * time.Second, Interval: 10 * time.Second}
			g.Send = func(group string, items []int) (bool, error) {
				mu.Lock()
				if last, goesOn := ended[group]; sending[group] || goesOn && time.Since(last) < g.Interval {
					t.Errorf("seed %d: a message of %s too early", seed, group)
				}
				sending[group] = true
				for _, one := range items {
					sent[one]++
				}
				takes, goesOn := time.Duration(random.IntN(30))*time.Second, random.IntN(3) > 0
				mu.Unlock()
				time.Sleep(takes)
				mu.Lock()
				defer mu.Unlock()
				delete(sending, group)
				if ended[group] = time.Now(); !goesOn {
					delete(ended, group)
				}
				return goesOn, nil
			}
			var all sync.WaitGroup
			for i := range 40 {
				mu.Lock()
				group, pause := fmt.Sprint(random.IntN(2)), time.Duration(random.IntN(8000))*time.Millisecond
				mu.Unlock()
				all.Go(func() {
					if err := g.Add(t.Context(), group, i); err != nil {
						t.Error(err)
					}
				})
				time.Sleep(pause)
			}
			all.Wait()
			for i := range 40 {
				if sent[i] != 1 {
					t.Errorf("seed %d: item %d was sent %d times", seed, i, sent[i])
				}
			}
			if len(g.open)+len(g.sending) > 0 {
				t.Errorf("seed %d: %d groups are left", seed, len(g.open)+len(g.sending))
			}
		})
	}
}
