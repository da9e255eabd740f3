package poller

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// enters is a pass that begins when it may.
func enters(t *testing.T, l *places, expected bool) (began func() *place) {
	t.Helper()
	entered := make(chan *place, 1)
	go func() {
		p, _ := l.enter(t.Context(), expected, nil)
		entered <- p
	}()
	return func() *place {
		synctest.Wait()
		select {
		case p := <-entered:
			return p
		default:
			return nil
		}
	}
}

// counts returns how many places are taken, who holds one and who waits.
func (l *places) counts() (taken, holders, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken, l.holders.Len(), l.waiting.Len()
}

func TestPassThatWaitsYieldsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPlaces(2)
		first, second := enters(t, l, true)(), enters(t, l, true)()
		second.answer()
		third := enters(t, l, true)
		if third() != nil {
			t.Error("three devices are talked to at once")
		}
		time.Sleep(answerPatience)
		if third() == nil {
			t.Error("a silent device keeps its place")
		}
		if taken, _, _ := l.counts(); taken != 2 || !first.yielded.Load() || second.yielded.Load() {
			t.Errorf("%d places are taken; the silent one yielded its: %v, the other: %v", taken, first.yielded.Load(), second.yielded.Load())
		}
		first.answer()
		fourth := enters(t, l, false)
		if taken, _, _ := l.counts(); taken != 3 || fourth() != nil {
			t.Errorf("%d places are taken after an answer, and another pass began: %v", taken, fourth() != nil)
		}
	})
}

func TestPassWithoutAnswerTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPlaces(2)
		var unanswered []*place
		for range 10 {
			unanswered = append(unanswered, enters(t, l, false)())
		}
		if taken, _, _ := l.counts(); taken != 0 {
			t.Errorf("%d places are taken", taken)
		}
		unanswered[3].answer()
		unanswered[3].answer()
		if taken, _, _ := l.counts(); taken != 1 {
			t.Errorf("%d places are taken after an answer", taken)
		}
	})
}

func TestOnePlaceIsKeptToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPlaces(1)
		first := enters(t, l, false)()
		second := enters(t, l, true)
		time.Sleep(time.Hour)
		if second() != nil {
			t.Error("two passes at once")
		}
		first.leave()
		if second() == nil {
			t.Error("the next pass did not begin")
		}
	})
}

// Whatever happens in whatever order, the places taken are those of the holders, and in the end none.
func TestPlacesAreCounted(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			l := newPlaces(1 + r.IntN(5))
			var inside []*place
			entered := make(chan *place, 1000)
			for range 500 {
				switch r.IntN(4) {
				case 0:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(2000))*time.Millisecond)
					expected := r.IntN(2) == 0
					go func() {
						defer cancel()
						if p, ok := l.enter(ctx, expected, nil); ok {
							entered <- p
						}
					}()
				case 1:
					if len(inside) > 0 {
						inside[r.IntN(len(inside))].answer()
					}
				case 2:
					if n := len(inside); n > 0 {
						i := r.IntN(n)
						inside[i].leave()
						inside[i].answer() // an answer may come after the end
						inside[i].leave()
						inside = append(inside[:i], inside[i+1:]...)
					}
				case 3:
					time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
				}
				synctest.Wait()
				for len(entered) > 0 {
					inside = append(inside, <-entered)
				}
				if taken, holders, waiting := l.counts(); taken != holders || waiting > 0 && taken < l.limit {
					t.Fatalf("seed %d: %d places of %d are taken by %d, and %d wait", seed, taken, l.limit, holders, waiting)
				}
			}
			for {
				if _, _, waiting := l.counts(); len(inside)+waiting == 0 {
					break
				}
				for _, p := range inside {
					p.leave()
				}
				inside = nil
				synctest.Wait()
				for len(entered) > 0 {
					inside = append(inside, <-entered)
				}
			}
			if taken, holders, _ := l.counts(); taken+holders != 0 {
				t.Errorf("seed %d: %d places are taken in the end", seed, taken)
			}
		})
	}
}
