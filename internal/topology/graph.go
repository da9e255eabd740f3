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
	up    [][]int32 // devices by which each may be reached
	roots []int32
}

// NewGraph returns the graph of devices. With roots, links lead in both directions, those to parents and others. Without,
// only parents count: links lead from them, and the roots are the devices without parents. Unknown names are ignored.
func NewGraph(roots []string, devices []Device, links ...[2]string) *Graph {
	g := &Graph{names: make([]string, 0, len(devices)), index: make(map[string]int32, len(devices)), links: make([][]int32, len(devices)), up: make([][]int32, len(devices))}
	if named := func(a, b Device) int { return strings.Compare(a.Name, b.Name) }; !slices.IsSortedFunc(devices, named) {
		devices = slices.SortedFunc(slices.Values(devices), named)
	}
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
	if g.pack(); len(roots) > 0 {
		g.up = g.links
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

// Reach says which devices are reached from the roots while some are down.
type Reach struct {
	graph  *Graph
	down   []bool
	causes []int32 // nil if none is down
}

// Reach returns which devices are reached from the roots over devices that are up.
func (g *Graph) Reach(down map[string]bool) *Reach {
	r := &Reach{graph: g, down: make([]bool, len(g.names))}
	found := false
	for name := range down {
		if i, known := g.index[name]; known {
			r.down[i], found = true, true
		}
	}
	if found {
		r.causes = g.walk(r.down, nil)
	}
	return r
}

// Around returns which devices are reached over devices that are up and not in a set, with those of the set as the first
// causes.
func (r *Reach) Around(closed map[string]string) *Reach {
	around, first := &Reach{graph: r.graph, down: slices.Clone(r.down)}, make([]bool, len(r.down))
	for name := range closed {
		if i, known := r.graph.index[name]; known {
			around.down[i], first[i] = true, true
		}
	}
	around.causes = r.graph.walk(around.down, first)
	return around
}

// Cause returns the device that another one is behind, "" if it is behind none.
func (r *Reach) Cause(name string) string {
	i, known := r.graph.index[name]
	if !known || r.causes == nil || r.causes[i] < 0 || r.causes[i] == i {
		return ""
	}
	return r.graph.names[r.causes[i]]
}

// Behind returns the devices that are down and not reached from the roots over devices that are up, with the cause of
// each: the device that is down and reached, and from which a way over any devices leads there first.
func (r *Reach) Behind() map[string]string {
	behind := map[string]string{}
	for i, cause := range r.causes {
		if cause >= 0 && int(cause) != i && r.down[i] {
			behind[r.graph.names[i]] = r.graph.names[cause]
		}
	}
	return behind
}

// Up returns the devices that are up and reached, and by which another one is reached directly.
func (r *Reach) Up(name string) (names []string) {
	i, known := r.graph.index[name]
	if !known || r.causes == nil {
		return nil
	}
	for _, at := range r.graph.up[i] {
		if r.causes[at] == reached {
			names = append(names, r.graph.names[at])
		}
	}
	return names
}

// The values of walk that are no cause.
const unseen, reached = -2, -1

// walk returns the cause of each device: itself if it is a cause, reached if it is reached from the roots, unseen if no
// way leads there. Of several causes, those that are first are preferred; first may be nil.
func (g *Graph) walk(down, first []bool) []int32 {
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
	if first != nil {
		slices.SortStableFunc(found, func(a, b int32) int { return order(first[a]) - order(first[b]) })
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

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}

// byCause returns the devices behind each cause, sorted.
func byCause(behind map[string]string) map[string][]string {
	list := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(behind)) {
		list[behind[name]] = append(list[behind[name]], name)
	}
	return list
}
