package mibs

import (
	"fmt"
	"slices"
	"strings"

	"trapline/internal/snmp"
)

// Instance is an OID as a Tree sees it: a node, and the octets that the OID has behind it.
type Instance struct {
	Node  *Node
	Index []byte
}

// OID returns the instance's OID.
func (i Instance) OID() snmp.OID {
	if len(i.Index) == 0 || !isRoot(i.Node.OID) {
		return append(i.Node.OID[:len(i.Node.OID):len(i.Node.OID)], i.Index...)
	}
	first, rest, _ := snmp.CutArc(i.Index)
	return append(appendArc(i.Node.OID, first), rest...)
}

// String writes MODULE::name.index, the index as AppendIndex has it.
func (i Instance) String() string {
	text := i.Short()
	if i.Node.Module == "" {
		return text
	}
	return i.Node.Module + "::" + text
}

// Short is String without the module.
func (i Instance) Short() string {
	b := []byte(i.Node.Name)
	if len(i.Index) > 0 {
		b = i.Node.AppendIndex(append(b, '.'), i.Index)
	}
	return string(b)
}

// Resolve returns the instance or node for a text: numbers, name or MODULE::name, the latter two
// with or without an index after them, in numbers or as AppendIndex writes it. Resolve searches for
// MODULE::name in that module alone. It searches for a bare name in the modules that Load was given, then
// in those that they import; if the name has several OIDs there, the error lists them.
func (t *Tree) Resolve(text string) (Instance, error) {
	if number := strings.TrimPrefix(text, "."); number != "" && isDigit(number[0]) {
		oid, err := snmp.ParseOID(number)
		if err != nil {
			return Instance{}, fmt.Errorf("OID %s: %w", text, err)
		}
		if isRoot(oid) {
			return Instance{Node: rootNode(rootName(oid))}, nil
		}
		i := t.Find(oid)
		if i.Node == nil {
			return i, fmt.Errorf("OID %s: no module knows it", text)
		}
		return i, nil
	}
	module, name := CutModule(text)
	name, index := cutName(strings.TrimPrefix(name, "."))
	n, err := t.nodeNamed(module, name)
	if err != nil || index == "" {
		return Instance{Node: n}, err
	}
	octets, err := n.ParseIndex(index)
	if err != nil {
		return Instance{}, fmt.Errorf("%s: %w", text, err)
	}
	return Instance{n, octets}, nil
}

// CutModule parts MODULE::name; module is empty for a bare name. An index may hold :: too.
func CutModule(text string) (module, name string) {
	module, name, qualified := strings.Cut(text, "::")
	if !qualified || strings.ContainsAny(module, ".[") {
		return "", text
	}
	return module, name
}

// cutName parts a name from the index behind it.
func cutName(s string) (name, index string) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimPrefix(s[end:], ".")
}

func (t *Tree) nodeNamed(module, name string) (*Node, error) {
	if module != "" {
		return t.inModule(module, name)
	}
	nodes := t.Named(name)
	first := 0 // of the imported modules
	for first < len(nodes) && int(nodes[first].rank&place) < t.named {
		first++
	}
	if first > 0 {
		nodes = nodes[:first]
	}
	nodes = t.preferComplete(nodes)
	if root := rootNode(name); len(nodes) == 0 && root != nil {
		return root, nil
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("no module defines %q", name)
	}
	for _, n := range nodes {
		if n.OID.Compare(nodes[0].OID) != 0 {
			return nil, fmt.Errorf("%q stands for several OIDs: write one of %s", name, places(nodes))
		}
	}
	return slices.MinFunc(nodes, compareNodes), nil
}

// preferComplete returns the nodes of modules that are known as a whole, if there are any: the tables that built-in
// profiles read must not make the names of others ambiguous.
func (t *Tree) preferComplete(nodes []*Node) []*Node {
	partial := func(n *Node) bool { return t.modules[t.ranks[n.Module]].Partial }
	if slices.ContainsFunc(nodes, partial) && !slices.ContainsFunc(nodes, func(n *Node) bool { return !partial(n) }) {
		return nodes
	}
	return slices.DeleteFunc(slices.Clone(nodes), partial)
}

// rootNode returns a node for the name of a first arc, which no module defines, nil for others.
func rootNode(name string) *Node {
	for arc := range uint32(3) {
		if oid := appendArc(nil, arc); rootName(oid) == name {
			return &Node{OID: oid, Name: name, Syntax: noSyntax}
		}
	}
	return nil
}

func (t *Tree) inModule(module, name string) (*Node, error) {
	if n := t.Node(module, name); n != nil {
		return n, nil
	}
	if _, loaded := t.ranks[module]; !loaded {
		return nil, fmt.Errorf("there is no module %s", module)
	}
	if t.modules[t.ranks[module]].Partial {
		return nil, fmt.Errorf("of module %s only the tables that built-in profiles read are known, and %q is not among them: add the directory of its file to mibs.dirs", module, name)
	}
	if others := t.Named(name); len(others) > 0 {
		return nil, fmt.Errorf("module %s does not define %q: write one of %s", module, name, places(others))
	}
	return nil, fmt.Errorf("module %s does not define %q", module, name)
}

// places lists up to five nodes.
func places(nodes []*Node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i == 5 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s::%s (%s)", n.Module, n.Name, n.OID)
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
