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

// Whatever is followed, missed and read anew, and whatever the receiver refuses for a while, it has in the end the keys that the engine has,
// and Await returns once it has had all of them, or has waited long enough.
func TestCopiesAreThoseOfTheEngine(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			engine, got := map[string][]byte{}, map[string][]byte{}
			refuses := rand.New(rand.NewPCG(seed, 2))
			c := NewCopy(func(key string) (shard, row string) { return key[:1], key }, func(rows []ledger.Write) error {
				if time.Sleep(time.Duration(refuses.IntN(50)) * time.Millisecond); refuses.IntN(3) == 0 {
					return errors.New("not now")
				}
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
			load := func() {
				var all []*mvccpb.KeyValue
				for key, value := range engine {
					all = append(all, &mvccpb.KeyValue{Key: []byte(key), Value: value})
				}
				c.Load(0, all)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			for n := range 2 * atOnce {
				engine[fmt.Sprint(n)] = []byte("first")
			}
			load()
			c.Await(ctx)
			select {
			case <-c.whole:
				if len(got) != len(engine) {
					t.Errorf("seed %d: %d keys of %d are there", seed, len(got), len(engine))
				}
			default:
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
				if random.IntN(5) == 0 { // they are missed
					load()
				} else {
					c.Apply(0, changes)
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
