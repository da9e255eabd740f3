package mibs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

var macroNames = [...]string{
	smi.Notification: "NOTIFICATION-TYPE", smi.Identity: "MODULE-IDENTITY", smi.ObjectIdentity: "OBJECT-IDENTITY", smi.ObjectGroup: "OBJECT-GROUP",
	smi.NotificationGroup: "NOTIFICATION-GROUP", smi.Compliance: "MODULE-COMPLIANCE", smi.Capabilities: "AGENT-CAPABILITIES",
}

// Detail writes a node as snmptranslate -Td does.
func (t *Tree) Detail(n *Node) string {
	var b strings.Builder
	macro := macroNames[n.Kind]
	if macro == "" {
		macro = "OBJECT-TYPE"
	}
	fmt.Fprintf(&b, "%s %s\n", n.Name, macro)
	line := func(name, format string, args ...any) { fmt.Fprintf(&b, "  "+name+format+"\n", args...) }
	line("-- FROM\t", "%s", strings.Join(t.modulesOf(n), ", "))
	if n.Syntax.TC != "" {
		line("-- TEXTUAL CONVENTION ", "%s", n.Syntax.TC)
	}
	if n.Syntax.Type != smi.Other {
		line("SYNTAX\t", "%s", syntaxText(n))
	}
	if n.Syntax.Hint != "" {
		line("DISPLAY-HINT\t", "%q", n.Syntax.Hint)
	}
	if n.Units != "" {
		line("UNITS\t\t", "%q", n.Units)
	}
	if n.Access != smi.NoAccess {
		line("MAX-ACCESS\t", "%s", n.Access)
	}
	if n.Status != smi.NoStatus && macroNames[n.Kind] == "" {
		line("STATUS\t", "%s", n.Status)
	}
	switch {
	case n.Augments != "":
		line("AUGMENTS\t", "{ %s }", n.Augments)
	case len(n.Index) > 0:
		line("INDEX\t\t", "{ %s }", indexNames(n, "IMPLIED "))
	case len(n.Objects) > 0:
		line("OBJECTS\t", "{ %s }", objectNames(n))
	}
	if n.Description != "" {
		line("DESCRIPTION\t", "\"%s\"", strings.ReplaceAll(strings.ToValidUTF8(n.Description, "?"), "\r", ""))
	}
	fmt.Fprintf(&b, "::= { %s }\n", t.path(n))
	return b.String()
}

// modulesOf lists the modules that have the node's OID and name, the node's own first.
func (t *Tree) modulesOf(n *Node) []string {
	names := []string{n.Module}
	for _, other := range t.At(n.OID) {
		if other.Name == n.Name && !slices.Contains(names, other.Module) {
			names = append(names, other.Module)
		}
	}
	return names
}

func objectNames(n *Node) string {
	var names []string
	for _, o := range n.Objects {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

func indexNames(n *Node, implied string) string {
	var names []string
	for _, p := range n.Index {
		name := p.Name
		if p.Implied {
			name = implied + name
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func syntaxText(n *Node) string {
	switch {
	case len(n.Syntax.Labels) > 0:
		return fmt.Sprintf("%s {%s} ", n.Syntax.Type, labelNames(n))
	case len(n.Syntax.Ranges) > 0:
		return fmt.Sprintf("%s (%s) ", n.Syntax.Type, rangeText(n))
	}
	return n.Syntax.Type.String()
}

func labelNames(n *Node) string {
	var labels []string
	for _, l := range n.Syntax.Labels {
		labels = append(labels, fmt.Sprintf("%s(%d)", l.Name, l.Number))
	}
	return strings.Join(labels, ", ")
}

func rangeText(n *Node) string {
	var ranges []string
	for _, r := range n.Syntax.Ranges {
		text := strconv.FormatInt(r.Low, 10)
		if r.High != r.Low {
			text += fmt.Sprintf("..%d", r.High)
		}
		ranges = append(ranges, text)
	}
	return strings.Join(ranges, " | ")
}

// path writes the names and numbers of the OID from the root, the last one without its name.
func (t *Tree) path(n *Node) string {
	var steps []string
	oid := snmp.OID(nil)
	arcs := arcsOfOID(n.OID)
	for _, arc := range arcs[:len(arcs)-1] {
		oid = appendArc(oid, arc)
		if at := t.At(oid); len(at) > 0 {
			steps = append(steps, fmt.Sprintf("%s(%d)", at[0].Name, arc))
		} else if root := rootName(oid); root != "" {
			steps = append(steps, fmt.Sprintf("%s(%d)", root, arc))
		} else {
			steps = append(steps, strconv.FormatUint(uint64(arc), 10))
		}
	}
	steps = append(steps, strconv.FormatUint(uint64(arcs[len(arcs)-1]), 10))
	return strings.Join(steps, " ")
}

// rootName names the first arc, which no module needs to define.
func rootName(oid snmp.OID) string {
	if !isRoot(oid) {
		return ""
	}
	return [...]string{"ccitt", "iso", "joint-iso-ccitt"}[oid[0]&0x7f]
}

// arcsOfOID returns the numbers of an OID, with the first two separate.
func arcsOfOID(oid snmp.OID) []uint32 {
	if isRoot(oid) {
		return []uint32{uint32(oid[0] & 0x7f)}
	}
	arcs := snmp.Arcs(oid)
	if len(arcs) == 0 {
		return nil
	}
	root := min(arcs[0]/40, 2)
	return append([]uint32{root, arcs[0] - 40*root}, arcs[1:]...)
}

// Path writes an instance with the names of all nodes above it, as snmptranslate -Of does.
func (t *Tree) Path(i Instance) string {
	var b []byte
	oid := snmp.OID(nil)
	for _, arc := range arcsOfOID(i.Node.OID) {
		oid = appendArc(oid, arc)
		b = append(b, '.')
		if at := t.At(oid); len(at) > 0 {
			b = append(b, at[0].Name...)
		} else if root := rootName(oid); root != "" {
			b = append(b, root...)
		} else {
			b = strconv.AppendUint(b, uint64(arc), 10)
		}
	}
	if len(i.Index) > 0 {
		b = i.Node.AppendIndex(append(b, '.'), i.Index)
	}
	return string(b)
}

// Outline writes the nodes from n down as a tree, as snmptranslate -Tp does.
func (t *Tree) Outline(n *Node) string {
	var b strings.Builder
	t.outline(&b, n, "", true)
	return b.String()
}

var accessLetters = [...]string{"", "----", "---N", "-R--", "-RW-", "CR--", "--W-", "----"}

var outlineTypes = [...]string{"", "INTEGER", "Integer32", "Unsigned", "Gauge", "Counter", "Counter64", "TimeTicks",
	"String", "ObjID", "BitString", "IpAddr", "NetAddr", "Opaque", "NsapAddr", "UInteger"}

// outline writes one node and those below it; indent stands before each line of them.
func (t *Tree) outline(b *strings.Builder, n *Node, indent string, last bool) {
	arcs := arcsOfOID(n.OID)
	arc := arcs[len(arcs)-1]
	below := indent + "   "
	if !last {
		below = indent + "|  "
	}
	if indent == "" {
		below = "   "
	}
	if n.Syntax.Type == smi.Other {
		fmt.Fprintf(b, "%s+--%s(%d)\n", indent, n.Name, arc)
	} else {
		kind := outlineTypes[n.Syntax.Type]
		if len(n.Syntax.Labels) > 0 && n.Syntax.Type != smi.Bits {
			kind = "EnumVal"
		}
		fmt.Fprintf(b, "%s+-- %s %-9s %s(%d)\n", indent, accessLetters[n.Access], kind, n.Name, arc)
		for _, fact := range outlineFacts(n) {
			fmt.Fprintf(b, "%s      %s\n", below, fact)
		}
	}
	children := t.children(n)
	if len(children) == 0 {
		return
	}
	if len(n.Index) > 0 && n.Augments == "" {
		fmt.Fprintf(b, "%s|  Index: %s\n", below, indexNames(n, ""))
	}
	fmt.Fprintf(b, "%s|\n", below)
	for i, child := range children {
		if i > 0 && (t.isSubtree(child) || t.isSubtree(children[i-1])) {
			fmt.Fprintf(b, "%s|\n", below)
		}
		t.outline(b, child, below, i == len(children)-1)
	}
}

// isSubtree reports whether the outline shows n as a subtree, apart from its siblings.
func (t *Tree) isSubtree(n *Node) bool {
	return n.Kind == smi.Plain || n.Kind == smi.Table || n.Kind == smi.Row || len(t.children(n)) > 0
}

func outlineFacts(n *Node) (facts []string) {
	if n.Syntax.TC != "" {
		facts = append(facts, "Textual Convention: "+n.Syntax.TC)
	}
	switch name := "Range: "; {
	case len(n.Syntax.Labels) > 0:
		facts = append(facts, "Values: "+labelNames(n))
	case len(n.Syntax.Ranges) > 0:
		if n.Syntax.Type == smi.OctetString || n.Syntax.Type == smi.Bits || n.Syntax.Type == smi.Opaque {
			name = "Size: "
		}
		facts = append(facts, name+rangeText(n))
	}
	return facts
}

// children returns the preferred node of each OID directly below n.
func (t *Tree) children(n *Node) []*Node {
	var children []*Node
	depth := len(arcsOfOID(n.OID)) + 1
	for child := range t.Below(n.OID) {
		if len(arcsOfOID(child.OID)) == depth {
			children = append(children, child)
		}
	}
	return children
}
