package takeover

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever is put, removed and cut: a shard has the targets that were put there last, and each is in one shard.
func TestTargetsOfShards(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := &Shards{Of: func(string) string { return "" }}
	model := map[string]string{}
	for range 5000 {
		target, shard := fmt.Sprint("t", random.IntN(30)), fmt.Sprint(random.IntN(5))
		switch random.IntN(8) {
		case 0:
			s.Remove(target)
			delete(model, target)
		case 1:
			var want []string
			for name, of := range model {
				if of == shard {
					want = append(want, name)
				}
			}
			got := slices.Sorted(slices.Values(s.Cut(shard)))
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Fatalf("shard %s has %v, want %v", shard, got, want)
			}
			maps.DeleteFunc(model, func(_, of string) bool { return of == shard })
		default:
			s.Put(target, shard)
			model[target] = shard
		}
	}
	single := &Shards{}
	if single.Put("t", ""); len(single.names)+len(single.Cut("")) > 0 {
		t.Error("a single process notes targets")
	}
}
