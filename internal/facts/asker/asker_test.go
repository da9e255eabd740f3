package asker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/facts"
	"trapline/internal/poller"
)

func questions(n int) (list []Question) {
	for i := range n {
		list = append(list, Question{List: "campus", Key: facts.Key{Address: fmt.Sprint("192.0.2.", i)}})
	}
	return list
}

// So many devices are asked at once, each for so long. Those that wait too long for their turn are not asked; each question
// has one answer.
func TestAskingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = maxAsked * (int(askPatience/askTime) + 3)
		asked, running, most, longest := 0, 0, 0, time.Duration(0)
		var mu sync.Mutex
		ask := func(ctx context.Context, _ *poller.TargetSettings) (*facts.Facts, error) { // of a silent device
			began := time.Now()
			mu.Lock()
			asked, running = asked+1, running+1
			most = max(most, running)
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			running, longest = running-1, max(longest, time.Since(began))
			return nil, ctx.Err()
		}
		a := New()
		began := time.Now()
		a.Add(t.Context(), ask, questions(all/2))
		a.Add(t.Context(), ask, questions(all/2))
		answered := 0
		for range all {
			if r := <-a.Answers; r.Facts == nil {
				answered++
			}
		}
		a.Wait()
		if took := time.Since(began); answered != all || most != maxAsked || longest > askTime || took > askPatience || asked != maxAsked*int(askPatience/askTime) {
			t.Errorf("%d of %d answered in %s, %d were asked, %d at once, for %s each", answered, all, took, asked, most, longest)
		}
	})
}

// The end of the context ends all that ask, also where nobody takes the answers.
func TestAskingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := New()
		a.Add(ctx, func(ctx context.Context, _ *poller.TargetSettings) (*facts.Facts, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, questions(3*maxAsked))
		time.Sleep(time.Second)
		cancel()
		a.Wait()
	})
}
