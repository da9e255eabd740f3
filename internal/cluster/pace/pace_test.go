package pace

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wait is for an answer.
const wait = 2 * time.Second

// busyEngine answers one request after the other, also those for which nobody waits any more.
type busyEngine struct{ requests chan chan<- struct{} }

func newBusyEngine(ctx context.Context, each time.Duration) *busyEngine {
	e := &busyEngine{make(chan chan<- struct{}, 10_000)}
	go func() {
		for {
			select {
			case answered := <-e.requests:
				time.Sleep(each)
				close(answered)
			case <-ctx.Done():
				return
			}
		}
	}()
	return e
}

func (e *busyEngine) ask(ctx context.Context) error {
	answered := make(chan struct{})
	e.requests <- answered
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// However slow the engine is, as long as it answers a request of each member in time, they take all shards in a time that is near the one that it
// needs for them.
func TestTakesAreAsManyAsTheEngineAnswers(t *testing.T) {
	for _, each := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, 400 * time.Millisecond} {
		t.Run(fmt.Sprint(each), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const members, shards = 3, 100
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				e := newBusyEngine(ctx, each)
				begun := time.Now()
				var all sync.WaitGroup
				for range members {
					all.Go(func() { takeAll(ctx, e, shards) })
				}
				all.Wait()
				need := members * shards * each
				if took := time.Since(begun); took > 2*need+20*time.Second {
					t.Errorf("it took %v, and the engine needs %v", took, need)
				}
			})
		})
	}
}

// takeAll takes shards as look does.
func takeAll(ctx context.Context, e *busyEngine, shards int) {
	type outcome struct {
		err  error
		took time.Duration
	}
	t, under, begun := New(wait), 0, time.Now()
	outcomes := make(chan outcome)
	for shards > 0 {
		for ; under < min(t.most, shards); under++ {
			go func() {
				ctx, cancel := context.WithTimeout(ctx, wait)
				defer cancel()
				asked := time.Now()
				o := outcome{err: e.ask(ctx)}
				if o.took = time.Since(asked); o.err != nil {
					time.Sleep(200 * time.Millisecond)
				}
				outcomes <- o
			}()
		}
		under--
		if o := <-outcomes; o.err == nil {
			shards--
			t.Answered(time.Since(begun), o.took)
		} else {
			t.Late(time.Since(begun))
		}
	}
}
