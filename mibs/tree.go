package mibs

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"trapline/internal/snmp"
)

// Tree is what a set of modules says, read-only: any number of goroutines may use it.
type Tree struct {
	modules     []Module
	names       []map[string]*Node // of the modules
	ranks       map[string]int     // of the modules, by name
	nodes       []*Node            // by OID; of several with one OID the preferred first
	parents     []int              // index in nodes of the nearest node above, or -1
	byName      map[string][]*Node // by rank
	diagnostics []Diagnostic
}

// Module is a module of a Tree.
type Module struct {
	Name        string
	File        string // empty if it is built in
	LastUpdated string // as its MODULE-IDENTITY has it
	// Skipped is how often something in the file could not be read.
	Skipped int
}

func newTree(scopes []*scope) *Tree {
	t := &Tree{ranks: map[string]int{}, byName: map[string][]*Node{}}
	for _, s := range scopes {
		m := s.module
		t.ranks[m.name] = len(t.modules)
		t.modules = append(t.modules, Module{m.name, m.file.path, m.lastUpdated, m.recoveries})
		names := make(map[string]*Node, len(s.values))
		for _, n := range s.nodes {
			if n != nil {
				t.nodes = append(t.nodes, n)
			}
		}
		for name, i := range s.values {
			if n := s.nodes[i]; n != nil {
				names[name] = n
			}
		}
		t.names = append(t.names, names)
	}
	slices.SortStableFunc(t.nodes, func(a, b *Node) int {
		if c := a.OID.Compare(b.OID); c != 0 {
			return c
		}
		if plain := a.Kind == Plain; plain != (b.Kind == Plain) {
			if plain {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.rank, b.rank)
	})
	t.parents = make([]int, len(t.nodes))
	above := -1
	for i, n := range t.nodes {
		if i > 0 && t.nodes[i-1].OID.Compare(n.OID) == 0 {
			t.parents[i] = t.parents[i-1]
			continue
		}
		if i > 0 {
			above = i - 1
			for above >= 0 && t.nodes[above].OID.Compare(t.nodes[i-1].OID) == 0 {
				above--
			}
			above++
		}
		for above >= 0 && !n.OID.HasPrefix(t.nodes[above].OID) {
			above = t.parents[above]
		}
		t.parents[i] = above
	}
	for _, names := range t.names {
		for name, n := range names {
			t.byName[name] = append(t.byName[name], n)
		}
	}
	return t
}

// findRows tells columns, and rows without an index, by what they hang on.
func (t *Tree) findRows() {
	for i, n := range t.nodes {
		if n.Kind != Scalar || t.parents[i] < 0 {
			continue
		}
		parent := t.sibling(t.parents[i], n.Module)
		switch parent.Kind {
		case Table:
			if n.Type == Other {
				n.Kind = Row
			}
		case Row:
			n.Kind, n.Row = Column, parent
		}
	}
}

// sibling gives the node of a module at the OID of node i, or the preferred one.
func (t *Tree) sibling(i int, module string) *Node {
	best := t.nodes[i]
	for _, n := range t.nodes[i:] {
		if n.OID.Compare(best.OID) != 0 {
			return best
		}
		if n.Module == module && n.Kind != Plain {
			return n
		}
	}
	return best
}

// Modules lists the modules: those that Load was given, in that order, then those that they import.
func (t *Tree) Modules() []Module { return t.modules }

// Diagnostics tells what was skipped or assumed.
func (t *Tree) Diagnostics() []Diagnostic { return t.diagnostics }

// All gives every node of every module by OID. Of several with one OID the preferred one comes first:
// objects before names without meaning, then by the order of Modules.
func (t *Tree) All() iter.Seq[*Node] { return slices.Values(t.nodes) }

// Below gives oid's node and those below it by OID, the preferred one of each.
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

// search gives the index of the first node that is not before oid.
func (t *Tree) search(oid snmp.OID) int {
	return sort.Search(len(t.nodes), func(i int) bool { return t.nodes[i].OID.Compare(oid) >= 0 })
}

// Node finds a name as a module itself defines it, or returns nil.
func (t *Tree) Node(module, name string) *Node {
	rank, known := t.ranks[module]
	if !known {
		return nil
	}
	return t.names[rank][name]
}

// Named gives all nodes of a name, those of the first modules first.
func (t *Tree) Named(name string) []*Node {
	nodes := slices.Clone(t.byName[name])
	slices.SortFunc(nodes, func(a, b *Node) int { return cmp.Compare(a.rank, b.rank) })
	return nodes
}

// At gives all nodes of an OID, the preferred one first.
func (t *Tree) At(oid snmp.OID) []*Node {
	first := t.search(oid)
	end := first
	for end < len(t.nodes) && t.nodes[end].OID.Compare(oid) == 0 {
		end++
	}
	return t.nodes[first:end]
}

// Find gives the node nearest above oid, or at it, and the part of oid behind it, which is the index of
// an instance. It returns nil if no module knows even the first number.
func (t *Tree) Find(oid snmp.OID) (n *Node, index []byte) {
	if at := t.At(oid); len(at) > 0 {
		return at[0], nil
	}
	i := t.search(oid) - 1
	for i >= 0 && !oid.HasPrefix(t.nodes[i].OID) {
		i = t.parents[i]
	}
	if i < 0 {
		return nil, nil
	}
	n = t.nodes[i]
	for i > 0 && t.nodes[i-1].OID.Compare(n.OID) == 0 {
		i--
		n = t.nodes[i]
	}
	if len(n.OID) == 1 && n.OID[0] >= 0x80 {
		// BER folds the first two numbers into one octet.
		return n, append(snmp.AppendArc(nil, uint32(oid[0])-40*uint32(n.OID[0]&0x7f)), oid[1:]...)
	}
	return n, oid[len(n.OID):]
}
