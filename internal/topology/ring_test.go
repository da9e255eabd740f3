package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Random parents: a ring is found exactly if the graph does not reach a device whose parents are all known, and each
// device of it has a parent in it.
func TestRingsOfParentsAreFound(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 5))
	for range 3000 {
		parents := map[string][]string{}
		n := 1 + random.IntN(8)
		var devices []Device
		for i := range n {
			d := Device{Name: fmt.Sprint(i)}
			for range random.IntN(3) {
				if p := random.IntN(n); p != i {
					d.Parents = append(d.Parents, fmt.Sprint(p))
				}
			}
			devices, parents[d.Name] = append(devices, d), d.Parents
		}
		g := NewGraph(nil, devices)
		reached, next := map[int32]bool{}, slices.Clone(g.roots)
		for len(next) > 0 {
			at := next[0]
			if next = next[1:]; !reached[at] {
				reached[at] = true
				next = append(next, g.links[at]...)
			}
		}
		ring := Ring(parents)
		if (len(ring) == 0) != (len(reached) == n) {
			t.Fatalf("%v: %d of %d are reached, and the ring is %v", parents, len(reached), n, ring)
		}
		for _, name := range ring {
			if !slices.ContainsFunc(parents[name], func(p string) bool { return slices.Contains(ring, p) }) {
				t.Fatalf("%v: %s has no parent in the ring %v", parents, name, ring)
			}
		}
	}
}
