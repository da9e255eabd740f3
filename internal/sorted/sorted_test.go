package sorted

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		list, fresh := make([]int, r.IntN(20)), make([]int, r.IntN(20))
		for i := range list {
			list[i] = r.IntN(50)
		}
		for i := range fresh {
			fresh[i] = r.IntN(50)
		}
		slices.Sort(list)
		before := slices.Clone(list)
		odd := func(n int) bool { return n%2 == 1 }
		want := slices.Sorted(slices.Values(append(slices.DeleteFunc(slices.Clone(list), func(n int) bool { return !odd(n) }), fresh...)))
		if got := Merge(list, odd, fresh, cmp.Compare[int]); !slices.Equal(got, want) || !slices.Equal(list, before) {
			t.Fatalf("%v with %v: %v, want %v", before, fresh, got, want)
		}
	}
}
