// Package mibs reads MIB modules: the names of objects, their types and the text forms of their values.
// It knows nothing of devices and their answers.
package mibs

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// Tree is a set of modules. It is read-only: any number of goroutines may use it.
type Tree struct {
	modules     []Module
	named       int            // modules that Load was given: the first ones
	symbols     []symbolTable  // of the modules
	ranks       map[string]int // of the modules, by name
	nodes       []*Node        // by OID; of several with one OID the preferred first
	parents     []int          // index in nodes of the nearest node above, or -1
	diagnostics []smi.Diagnostic
}

// symbolTable finds the nodes of a module by name.
type symbolTable struct {
	values map[string]int // index in nodes
	nodes  []*Node        // nil where the OID is unknown
}

func (s symbolTable) find(name string) *Node {
	if i, known := s.values[name]; known {
		return s.nodes[i]
	}
	return nil
}

// Module is a module of a Tree.
type Module struct {
	Name        string
	File        string // empty if it is built in
	LastUpdated string // as its MODULE-IDENTITY has it
	Identity    *Node  // of its MODULE-IDENTITY; nil of a module of SMIv1
	// Skipped is how often something in the file could not be read.
	Skipped int
	Partial bool // only the parts that built-in profiles read are known
}

func newTree(scopes []*scope, named int) *Tree {
	t := &Tree{named: named, ranks: map[string]int{}}
	var sorted [][]*Node // of each module
	for _, s := range scopes {
		m := s.module
		t.ranks[m.Name] = len(t.modules)
		t.modules = append(t.modules, Module{m.Name, m.File.Path, m.LastUpdated, identity(s.nodes), m.Recoveries, m.Partial})
		t.symbols = append(t.symbols, symbolTable{s.values, s.nodes})
		nodes := s.nodes
		if slices.Contains(nodes, nil) {
			nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *Node) bool { return n == nil })
		}
		if !slices.IsSortedFunc(nodes, compareNodes) {
			nodes = slices.SortedFunc(slices.Values(nodes), compareNodes)
		}
		sorted = append(sorted, nodes)
	}
	t.nodes = merge(sorted)
	t.findParents()
	return t
}

// identity is the node of MODULE-IDENTITY, nil if there is none.
func identity(nodes []*Node) *Node {
	i := slices.IndexFunc(nodes, func(n *Node) bool { return n != nil && n.Kind == smi.Identity })
	if i < 0 {
		return nil
	}
	return nodes[i]
}

// Updated is the date of LAST-UPDATED (RFC 2578, section 5.1) as year, month and day, such as 2000-06-14; "" where
// there is none.
func (m *Module) Updated() string {
	if d := smi.FullDate(m.LastUpdated); len(d) == len("199502090000Z") {
		return d[:4] + "-" + d[4:6] + "-" + d[6:8]
	}
	return ""
}

// merge makes one sorted list of many.
func merge(lists [][]*Node) []*Node {
	merged, ends := slices.Concat(lists...), make([]int, 0, len(lists))
	end := 0
	for _, l := range lists {
		end += len(l)
		ends = append(ends, end)
	}
	if len(lists) > 1 {
		mergeInto(merged, slices.Clone(merged), 0, ends)
	}
	return merged
}

// mergeInto leaves as one list, in into, those that lie one behind the other in both into and other. The
// first begins at start, and all end where ends says.
func mergeInto(into, other []*Node, start int, ends []int) {
	if len(ends) == 1 {
		return
	}
	half := len(ends) / 2
	middle, end := ends[half-1], ends[len(ends)-1]
	mergeInto(other, into, start, ends[:half])
	mergeInto(other, into, middle, ends[half:])
	mergeTwo(into[start:start:end], other[start:middle], other[middle:end])
}

// mergeTwo appends both lists to merged. Hardly a module has its nodes among another's, so that runs are
// taken as a whole.
func mergeTwo(merged, a, b []*Node) {
	for len(a) > 0 && len(b) > 0 {
		run := sort.Search(len(a), func(i int) bool { return compareNodes(a[i], b[0]) > 0 })
		merged, a = append(merged, a[:run]...), a[run:]
		if len(a) > 0 {
			run = sort.Search(len(b), func(i int) bool { return compareNodes(b[i], a[0]) >= 0 })
			merged, b = append(merged, b[:run]...), b[run:]
		}
	}
	_ = append(append(merged, a...), b...)
}

// compareNodes orders by OID, then by preference, then, for two definitions in one module, by name.
func compareNodes(a, b *Node) int {
	if c := a.OID.Compare(b.OID); c != 0 {
		return c
	}
	return cmp.Or(falseFirst(a.Kind == smi.Plain, b.Kind == smi.Plain), cmp.Compare(a.rank, b.rank), cmp.Compare(a.Name, b.Name))
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (t *Tree) findParents() {
	t.parents = make([]int, len(t.nodes))
	first := -1 // of the nodes with the OID before
	for i, n := range t.nodes {
		if first >= 0 && t.nodes[first].OID.Compare(n.OID) == 0 {
			t.parents[i] = t.parents[first]
			continue
		}
		above := first
		for above >= 0 && !n.OID.HasPrefix(t.nodes[above].OID) {
			above = t.parents[above]
		}
		t.parents[i], first = above, i
	}
}

// findRows identifies columns, and rows without an index, by their parents.
func (t *Tree) findRows() {
	for i, n := range t.nodes {
		if n.Kind != smi.Scalar || t.parents[i] < 0 {
			continue
		}
		parent := t.sibling(t.parents[i], n.Module)
		switch parent.Kind {
		case smi.Table:
			if n.Syntax.Type == smi.Other {
				n.Kind = smi.Row
			}
		case smi.Row:
			n.Kind, n.Row = smi.Column, parent
		}
	}
}

// sibling returns the node of a module at the OID of node i, or the preferred one.
func (t *Tree) sibling(i int, module string) *Node {
	best := t.nodes[i]
	for _, n := range t.nodes[i:] {
		if n.OID.Compare(best.OID) != 0 {
			return best
		}
		if n.Module == module && n.Kind != smi.Plain {
			return n
		}
	}
	return best
}

// Modules lists the modules: those that Load was given, in that order, then those that they import.
func (t *Tree) Modules() []Module { return t.modules }

// Diagnostics returns the parts of modules that were skipped, and the assumptions that were made.
func (t *Tree) Diagnostics() []smi.Diagnostic { return t.diagnostics }

// All returns every node of every module by OID. Of several with one OID the preferred one comes first:
// objects before names without meaning, the SMI itself before others, SMIv2 before SMIv1, then by the
// order of Modules.
func (t *Tree) All() iter.Seq[*Node] { return slices.Values(t.nodes) }

// Below returns oid's node and those below it by OID, the preferred one of each.
func (t *Tree) Below(oid snmp.OID) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		var last snmp.OID
		for _, n := range t.nodes[t.search(oid):] {
			if !n.OID.HasPrefix(oid) {
				return
			}
			if last != nil && last.Compare(n.OID) == 0 {
				continue
			}
			if last = n.OID; !yield(n) {
				return
			}
		}
	}
}

// search returns the index of the first node that is not before oid.
func (t *Tree) search(oid snmp.OID) int {
	return sort.Search(len(t.nodes), func(i int) bool { return t.nodes[i].OID.Compare(oid) >= 0 })
}

// Node finds a name as a module itself defines it, or returns nil.
func (t *Tree) Node(module, name string) *Node {
	rank, known := t.ranks[module]
	if !known {
		return nil
	}
	return t.symbols[rank].find(name)
}

// Named returns all nodes of a name, in the order of Modules.
func (t *Tree) Named(name string) []*Node {
	var nodes []*Node
	for _, s := range t.symbols {
		if n := s.find(name); n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// At returns all nodes of an OID, the preferred one first.
func (t *Tree) At(oid snmp.OID) []*Node {
	first := t.search(oid)
	end := first
	for end < len(t.nodes) && t.nodes[end].OID.Compare(oid) == 0 {
		end++
	}
	return t.nodes[first:end]
}

// Find returns the node at oid, or the nearest one above it. Node is nil if no module knows even the
// first number.
func (t *Tree) Find(oid snmp.OID) Instance {
	if at := t.At(oid); len(at) > 0 {
		return Instance{Node: at[0]}
	}
	i := t.search(oid) - 1
	for i >= 0 && !oid.HasPrefix(t.nodes[i].OID) {
		i = t.parents[i]
	}
	if i < 0 {
		return Instance{}
	}
	n := t.At(t.nodes[i].OID)[0]
	if isRoot(n.OID) {
		// BER folds the first two numbers into one.
		first, rest, _ := snmp.CutArc(oid)
		return Instance{n, append(snmp.AppendArc(nil, first-40*uint32(n.OID[0]&0x7f)), rest...)}
	}
	return Instance{n, oid[len(n.OID):]}
}

// Object is Find for those who want to know which object oid is an instance of: a module may have given
// the instance a name, as DISMAN-EVENT-MIB has sysUpTimeInstance.
func (t *Tree) Object(oid snmp.OID) Instance {
	i := t.Find(oid)
	parent, last := oid.CutLast()
	if i.Node == nil || i.Node.Kind != smi.Plain || len(i.Index) > 0 || last != 0 || len(parent) == 0 {
		return i
	}
	if object := t.Find(parent); object.Node != nil && object.Node.Kind == smi.Scalar && len(object.Index) == 0 {
		return Instance{object.Node, oid[len(parent):]}
	}
	return i
}
