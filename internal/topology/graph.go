// Package topology computes which devices do not answer because others do not. It has no clock, disk or network.
package topology

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Device is a device of the graph.
type Device struct {
	Name     string
	Parents  []string      // the devices by which it is reached
	Interval time.Duration // between polls
	Budget   time.Duration // how long a poll may wait for the first answer
}

// Graph has the devices, and the links between them. It is immutable.
type Graph struct {
	names []string // sorted
	index map[string]int32
	links [][]int32 // devices that are reached from each
	up    [][]int32 // devices by which each is reached, one step nearer to a root
	roots []int32
}

// NewGraph returns the graph of devices. With roots, links lead in both directions, those to parents and others. Without,
// only parents count: links lead from them, and the roots are the devices without parents. Unknown names are ignored.
func NewGraph(roots []string, devices []Device, links ...[2]string) *Graph {
	g := &Graph{index: map[string]int32{}, links: make([][]int32, len(devices)), up: make([][]int32, len(devices))}
	devices = slices.SortedFunc(slices.Values(devices), func(a, b Device) int { return strings.Compare(a.Name, b.Name) })
	for i := range devices {
		g.names = append(g.names, devices[i].Name)
		g.index[devices[i].Name] = int32(i)
	}
	for i := range devices {
		for _, name := range devices[i].Parents {
			if parent, known := g.index[name]; known {
				g.link(parent, int32(i), len(roots) > 0)
			}
		}
		if len(roots) == 0 && len(devices[i].Parents) == 0 {
			g.roots = append(g.roots, int32(i))
		}
	}
	if len(roots) > 0 {
		for _, ends := range links {
			a, known := g.index[ends[0]]
			if b, too := g.index[ends[1]]; known && too && a != b {
				g.link(a, b, true)
			}
		}
	}
	for _, name := range roots {
		if root, known := g.index[name]; known {
			g.roots = append(g.roots, root)
		}
	}
	g.pack()
	if len(roots) > 0 {
		g.climb()
	}
	return g
}

// pack sorts the links, so that their order decides nothing, and moves them into one array, which walks read faster.
func (g *Graph) pack() {
	total := 0
	for i, list := range g.links {
		slices.Sort(list)
		g.links[i] = slices.Compact(list)
		total += len(g.links[i])
	}
	all := make([]int32, 0, total)
	for i, list := range g.links {
		all = append(all, list...)
		g.links[i] = all[len(all)-len(list):]
	}
}

func (g *Graph) link(parent, child int32, both bool) {
	if g.links[parent] = append(g.links[parent], child); both {
		g.links[child] = append(g.links[child], parent)
	} else if !slices.Contains(g.up[child], parent) {
		g.up[child] = append(g.up[child], parent)
	}
}

// climb finds the links that lead towards the roots.
func (g *Graph) climb() {
	distance := make([]int, len(g.names))
	for i := range distance {
		distance[i] = -1
	}
	next := slices.Clone(g.roots)
	for _, root := range next {
		distance[root] = 0
	}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, to := range g.links[at] {
			if distance[to] < 0 {
				distance[to] = distance[at] + 1
				next = append(next, to)
			}
			if distance[to] > distance[at] {
				g.up[to] = append(g.up[to], at)
			}
		}
	}
}

// Up returns the devices by which a device is reached.
func (g *Graph) Up(name string) (names []string) {
	i, known := g.index[name]
	if !known {
		return nil
	}
	for _, at := range g.up[i] {
		names = append(names, g.names[at])
	}
	return names
}

// Behind returns the devices that are down and not reached from the roots over devices that are up, with the cause of
// each: the device that is down and reached, and from which a way over any devices leads there first.
func (g *Graph) Behind(down map[string]bool) map[string]string {
	marks := make([]bool, len(g.names))
	found := false
	for name := range down {
		if i, known := g.index[name]; known {
			marks[i], found = true, true
		}
	}
	if !found {
		return nil
	}
	behind := map[string]string{}
	for i, cause := range g.walk(marks) {
		if cause >= 0 && int(cause) != i && marks[i] {
			behind[g.names[i]] = g.names[cause]
		}
	}
	return behind
}

// The values of walk that are no cause.
const unseen, reached = -2, -1

// walk returns the cause of each device: itself if it is a cause, reached if it is reached from the roots, unseen if no
// way leads there.
func (g *Graph) walk(down []bool) []int32 {
	causes := make([]int32, len(g.names))
	for i := range causes {
		causes[i] = unseen
	}
	next := make([]int32, 0, len(g.names))
	var found []int32
	see := func(i int32) {
		if causes[i] != unseen {
			return
		}
		if down[i] {
			causes[i] = i
			found = append(found, i)
		} else {
			causes[i] = reached
			next = append(next, i)
		}
	}
	for _, root := range g.roots {
		see(root)
	}
	for n := 0; n < len(next); n++ {
		for _, to := range g.links[next[n]] {
			see(to)
		}
	}
	next = append(next[:0], found...)
	for n := 0; n < len(next); n++ {
		at := next[n]
		for _, to := range g.links[at] {
			if causes[to] == unseen {
				causes[to] = causes[at]
				next = append(next, to)
			}
		}
	}
	return causes
}

// byCause returns the devices behind each cause, sorted.
func byCause(behind map[string]string) map[string][]string {
	list := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(behind)) {
		list[behind[name]] = append(list[behind[name]], name)
	}
	return list
}
