package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/ledger"
)

// Whatever is followed, missed, late and read anew, and whatever the receiver refuses for a while, it has in the end the keys that the engine
// has, and Await reports that it has those of a revision only once it has.
func TestCopiesAreThoseOfTheEngine(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			engine, got := map[string][]byte{}, map[string][]byte{}
			refuses, refused := rand.New(rand.NewPCG(seed, 2)), 0 // refused: in a row, for less than Stale
			c := NewCopy(func(key string) (shard, row string) { return key[:1], key }, func(rows []ledger.Write) error {
				time.Sleep(time.Duration(refuses.IntN(50)) * time.Millisecond)
				if refused++; refused <= 2 && refuses.IntN(3) == 0 {
					return errors.New("not now")
				}
				refused = 0
				for _, w := range rows {
					if w.Shard != w.Key[:1] {
						t.Errorf("%q is a row of %q", w.Key, w.Shard)
					}
					if w.Value == nil {
						delete(got, w.Key)
					} else {
						got[w.Key] = bytes.Clone(w.Value)
					}
				}
				return nil
			})
			r, revision := c.Range("", ""), int64(10)
			load := func() {
				var all []*mvccpb.KeyValue
				for key, value := range engine {
					all = append(all, &mvccpb.KeyValue{Key: []byte(key), Value: value})
				}
				r.Load(revision, all)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			for n := range 4 * atOnce {
				engine[fmt.Sprint(n)] = []byte("first")
			}
			go func() {
				time.Sleep(Stale / 2)
				load()
			}()
			if !c.Await(ctx, revision) || len(got) != len(engine) {
				t.Errorf("seed %d: %d keys of %d are there", seed, len(got), len(engine))
			}
			for range 100 {
				var changes []*clientv3.Event
				for range random.IntN(4) {
					e := &clientv3.Event{Kv: &mvccpb.KeyValue{Key: fmt.Append(nil, random.IntN(20))}}
					if random.IntN(2) == 0 {
						e.Type = clientv3.EventTypeDelete
						delete(engine, string(e.Kv.Key))
					} else {
						e.Kv.Value = fmt.Append(nil, random.Uint64())
						engine[string(e.Kv.Key)] = e.Kv.Value
					}
					changes = append(changes, e)
				}
				revision++
				late := false
				switch random.IntN(10) {
				case 0: // they are missed
					load()
				case 1: // the engine goes back to an earlier state
					revision = 10 + random.Int64N(revision-9)
					for key := range engine {
						if random.IntN(2) == 0 {
							delete(engine, key)
						}
					}
					load()
				case 2, 3: // they come late, and once they were asked for
					late = true
					at := revision
					go func() {
						<-r.Asks
						r.Apply(at, changes)
					}()
				default:
					r.Apply(revision, changes)
				}
				if late || random.IntN(3) == 0 {
					if !c.Await(ctx, revision) || !maps.EqualFunc(got, engine, bytes.Equal) {
						t.Errorf("seed %d: not all is there up to revision %d", seed, revision)
					}
				}
				time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			}
			time.Sleep(time.Minute)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if !maps.EqualFunc(got, engine, bytes.Equal) {
				t.Errorf("seed %d: %d keys, want %d: %v", seed, len(got), len(engine), slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// A server that answers, and stays behind, is not waited for, and not asked all the time.
func TestAServerThatStaysBehindIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCopy(func(key string) (shard, row string) { return key, key }, func([]ledger.Write) error { return nil })
		r, asked := c.Range("", ""), 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		r.Load(5, nil)
		go func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				case <-r.Asks:
					asked++
					time.Sleep(time.Millisecond)
				}
				r.Apply(5, nil)
			}
		}()
		synctest.Wait()
		begun := time.Now()
		if c.Await(ctx, 6) || time.Since(begun) != Stale {
			t.Errorf("it waits %v", time.Since(begun))
		}
		cancel()
		time.Sleep(time.Second) // until all have ended
		if err := <-ended; err != nil || asked > 3 {
			t.Errorf("asked %d times: %v", asked, err)
		}
	})
}
