package topology

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func graphOf(roots string, links ...string) *Graph {
	parents := map[string][]string{}
	for _, link := range links {
		parent, child, _ := strings.Cut(link, ">")
		parents[child] = append(parents[child], parent)
		parents[parent] = parents[parent][:len(parents[parent]):len(parents[parent])]
	}
	var devices []Device
	for name, list := range parents {
		devices = append(devices, Device{Name: name, Parents: list})
	}
	return NewGraph(strings.Fields(roots), devices)
}

func text(behind map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(behind)) {
		words = append(words, name+"<"+behind[name])
	}
	return strings.Join(words, " ")
}

func TestBehind(t *testing.T) {
	ring := []string{"r>a", "a>b", "b>c", "c>d", "d>e", "e>f", "f>a"} // a ring of six at the root r
	for _, row := range []struct {
		name, roots string
		links       []string
		down, want  string
	}{
		{"a chain", "", []string{"core>dist", "dist>access"}, "core dist access", "access<core dist<core"},
		{"the end of a chain", "", []string{"core>dist", "dist>access"}, "access", ""},
		{"behind a device that answers by another way", "", []string{"core>dist", "dist>access"}, "dist access", "access<dist"},
		{"one of two uplinks", "", []string{"core-1>access", "core-2>access"}, "core-1 access", ""},
		{"both uplinks", "", []string{"core-1>access", "core-2>access"}, "core-1 core-2 access", "access<core-1"},
		{"parents lead down only", "", []string{"core>dist", "dist>access"}, "dist", ""},
		{"a ring without a way from a root", "", []string{"a>b", "b>a"}, "a b", ""},
		{"a ring, one down", "r", ring, "c", ""},
		{"a ring, two cuts", "r", ring, "b e c d", "c<b d<e"},
		{"a ring, two cuts, one answers between them", "r", ring, "b e c", "c<b"},
		{"a ring, its first", "r", ring, "a b c d e f", "b<a c<a d<a e<a f<a"},
		{"with roots, links lead both ways", "leaf", []string{"core>dist", "dist>leaf"}, "dist core", "core<dist"},
		{"all down", "r", ring, "r a b c d e f", "a<r b<r c<r d<r e<r f<r"},
	} {
		down := map[string]bool{}
		for _, name := range strings.Fields(row.down) {
			down[name] = true
		}
		if got := text(graphOf(row.roots, row.links...).Reach(down).Behind()); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// In any graph: a cause is down and has a way from a root over devices that are up; what is behind it is down and has
// none; every device that is down is a cause, is behind one, or has no way at all.
func TestBehindIsAPartition(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 2 + r.IntN(10)
		var devices []Device
		down := map[string]bool{}
		for i := range n {
			d := Device{Name: fmt.Sprint(i)}
			for range r.IntN(3) {
				if p := r.IntN(n); p != i {
					d.Parents = append(d.Parents, fmt.Sprint(p))
				}
			}
			devices = append(devices, d)
			if r.IntN(2) == 0 {
				down[d.Name] = true
			}
		}
		var roots []string
		if r.IntN(2) == 0 {
			roots = []string{"0"}
		}
		g := NewGraph(roots, devices)
		up, any := reach(g, func(name string) bool { return !down[name] }), reach(g, func(string) bool { return true })
		behind := g.Reach(down).Behind()
		for name := range down {
			cause, is := behind[name]
			switch {
			case is && (up[name] || !up[cause] || !down[cause] || behind[cause] != ""):
				t.Fatalf("seed %d: %s is behind %s", seed, name, cause)
			case !is && any[name] && !up[name]:
				t.Fatalf("seed %d: %s is behind none", seed, name)
			}
		}
		for name := range behind {
			if !down[name] {
				t.Fatalf("seed %d: %s answers", seed, name)
			}
		}
	}
}

// reach returns the devices that a way leads to from a root over devices that pass lets through.
func reach(g *Graph, pass func(string) bool) map[string]bool {
	seen := map[string]bool{}
	var visit func(i int32)
	visit = func(i int32) {
		if name := g.names[i]; !seen[name] {
			seen[name] = true
			for _, to := range g.links[i] {
				if pass(name) {
					visit(to)
				}
			}
		}
	}
	for _, root := range g.roots {
		visit(root)
	}
	return seen
}

// 50,000 devices with 75,000 links, one in two of them down.
func BenchmarkWalk(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	devices := make([]Device, 50_000)
	for i := range devices {
		devices[i].Name = fmt.Sprintf("d%05d", i)
		if i > 0 {
			devices[i].Parents = []string{fmt.Sprintf("d%05d", r.IntN(i))}
		}
		if i > 0 && i%2 == 0 {
			devices[i].Parents = append(devices[i].Parents, fmt.Sprintf("d%05d", r.IntN(i)))
		}
	}
	g := NewGraph([]string{"d00000"}, devices)
	for _, share := range []int{1, 2, 100, 50_000} {
		down := make([]bool, len(devices))
		for i := range down {
			down[i] = i%share == share-1
		}
		b.Run(fmt.Sprintf("1 of %d down", share), func(b *testing.B) {
			for b.Loop() {
				g.walk(down, nil)
			}
		})
	}
}
