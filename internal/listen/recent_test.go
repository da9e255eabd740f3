package listen

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/relay"
)

// The notifications of a shard are those of a list of all that were noted, whichever were noted again, of another shard, or forgotten. None is
// kept beyond the generations that have it.
func TestReceptionsOfAShard(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		shards := []string{"", "1", "2", "3"}
		r := &receptions{times: newRecent(time.Minute, 50)}
		for now := time.Duration(0); now < 10*time.Minute; now += time.Duration(random.IntN(2000)) * time.Millisecond {
			switch key := random.Uint64N(100); random.IntN(4) {
			case 0:
				r.times.remove(key)
			case 1:
				r.remember(shards[1+random.IntN(3)], []relay.Taken{{Key: key, Age: time.Duration(random.IntN(int(time.Minute)))}}, now, now)
			default:
				r.times.put(key, reception{now, shards[random.IntN(4)]}, now)
			}
			want := map[string]map[uint64]time.Duration{}
			for _, shard := range shards[1:] {
				want[shard] = map[uint64]time.Duration{}
			}
			for key := range uint64(100) {
				if one, known := r.times.get(key); known && one.shard != "" && now-one.at <= time.Minute {
					want[one.shard][key] = now - one.at
				}
			}
			for _, shard := range shards[1:] {
				got, list := map[uint64]time.Duration{}, r.of(shard, now)
				for _, one := range list {
					got[one.Key] = one.Age
				}
				if !maps.Equal(got, want[shard]) || len(got) != len(list) {
					t.Fatalf("seed %d: %v of shard %s, want %v", seed, list, shard, want[shard])
				}
			}
			for _, g := range []generation{r.times.young, r.times.old} {
				n := 0
				for _, keys := range g.keys {
					n += len(keys)
				}
				if n > len(g.receptions) || len(g.receptions) > r.times.most {
					t.Fatalf("seed %d: %d keys of %d notifications", seed, n, len(g.receptions))
				}
			}
		}
	}
}

// A member that leaves is asked for each of its shards.
func BenchmarkShards(b *testing.B) {
	m := newSharedMemory()
	for _, r := range []*receptions{&m.traps.receptions, &m.informs.receptions, &m.handed.receptions, &m.sequence.receptions} {
		for range 2*maxOnce - 1 {
			r.times.put(rand.Uint64(), reception{time.Second, fmt.Sprint(rand.IntN(1024))}, time.Second)
		}
	}
	l := &Listener{memory: m, began: time.Now()}
	for b.Loop() {
		l.Remembered("7")
	}
}
