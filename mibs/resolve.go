package mibs

import (
	"math"
	"slices"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// resolve makes the nodes of all modules.
func (l *loader) resolve() *Tree {
	for _, s := range l.scopes {
		for i := range s.module.Definitions {
			l.node(s, i)
		}
	}
	t := newTree(l.scopes, l.named)
	t.findRows()
	for _, s := range l.scopes {
		for i, n := range s.nodes {
			if n != nil {
				l.link(s, &s.module.Definitions[i], n)
			}
		}
	}
	t.diagnostics = l.diagnostics
	return t
}

// node resolves definition i of a module and its parent. It returns nil if the parent is unknown.
func (l *loader) node(s *scope, i int) *Node {
	if s.states[i] != unresolved || l.depth > smi.MaxArcs {
		return s.nodes[i] // nil for one that hangs on itself
	}
	s.states[i] = resolving
	l.depth++
	d := &s.module.Definitions[i]
	defer func(before uint32) { l.offset = before }(l.offset)
	l.offset = d.Offset
	switch counts := s.values[d.Name]; {
	case counts > i:
		l.add(s.module, d.Offset, false, "%s is defined once more below: that counts for what hangs on it", d.Name)
	case counts < i:
		l.add(s.module, d.Offset, false, "%s hangs on another %s above: that counts for what hangs on the name", d.Name, d.Name)
	}
	if oid := l.oid(s, i); oid != nil {
		s.nodes[i] = &s.made[i]
		s.nodes[i].OID = oid
		l.describe(s, d, s.nodes[i])
	}
	l.depth--
	s.states[i] = done
	return s.nodes[i]
}

// roots are the names of the first arcs.
var roots = map[string]uint32{"ccitt": 0, "itu-t": 0, "zero": 0, "iso": 1, "joint-iso-ccitt": 2, "joint-iso-itu-t": 2}

// oid resolves the value of definition i: the OID of its last name without a number, and the
// numbers after it.
func (l *loader) oid(s *scope, i int) snmp.OID {
	d := &s.module.Definitions[i]
	first := len(d.Value) - 1
	for first > 0 && d.Value[first].Numbered {
		first--
	}
	var above snmp.OID
	if a := d.Value[first]; a.Name != "" {
		if above = l.parent(s, i, a); above == nil {
			l.report(s.module, d.Offset, "%s is left out: %s, in its OID, is not known", d.Name, a.Name)
			return nil
		}
		first++
	}
	oid := append(l.room(len(above)+5*len(d.Value)), above...)
	for _, a := range d.Value[first:] {
		if oid = appendArc(oid, a.Number); oid == nil || len(oid) > smi.MaxArcs*5 {
			l.report(s.module, d.Offset, "%s is left out: there is no such OID", d.Name)
			return nil
		}
	}
	l.octets = l.octets[:len(l.octets)+len(oid)]
	return oid[:len(oid):len(oid)]
}

// room returns an empty slice with capacity for that many octets; the caller claims them by extending l.octets.
func (l *loader) room(octets int) snmp.OID {
	if cap(l.octets)-len(l.octets) < octets {
		l.octets = make([]byte, 0, max(octets, 8192))
	}
	return l.octets[len(l.octets):len(l.octets)]
}

// parent finds the OID of a name that definition i hangs on. A name that is defined by itself is
// that of another module.
func (l *loader) parent(s *scope, i int, a smi.Arc) snmp.OID {
	from, at := l.lookup(s, a.Name, values)
	if from == s && (at == i || s.states[at] == resolving) {
		from, at = l.lookupAbroad(s, a.Name, values)
	}
	if from != nil {
		if n := l.node(from, at); n != nil {
			return n.OID
		}
		return nil
	}
	if root, known := roots[a.Name]; known {
		return appendArc(nil, root)
	}
	if a.Numbered && a.Number <= 2 {
		return appendArc(nil, a.Number)
	}
	return nil
}

// appendArc adds an arc to oid. It returns nil for OIDs that do not exist.
func appendArc(oid snmp.OID, number uint32) snmp.OID {
	switch {
	case len(oid) == 0:
		if number > 2 {
			return nil
		}
		return append(oid, 0x80|byte(number))
	case isRoot(oid):
		root := oid[0] & 0x7f
		if root < 2 && number > 39 {
			return nil
		}
		return snmp.AppendArc(oid[:0], uint32(root)*40+number)
	}
	return snmp.AppendArc(oid, number)
}

// isRoot reports whether oid is a single arc.
func isRoot(oid snmp.OID) bool { return len(oid) == 1 && oid[0] >= 0x80 }

// describe sets the fields of a node from its definition, except those that refer to other nodes.
func (l *loader) describe(s *scope, d *smi.Definition, n *Node) {
	n.Name, n.Module, n.Kind, n.Access, n.Status, n.rank = d.Name, s.module.Name, d.Kind, d.Access, d.Status, s.rank
	n.Units, n.Augments, n.Description, n.Syntax = d.Units, d.Augmented(), d.Description, noSyntax
	if d.Kind != smi.Scalar {
		return
	}
	if d.Syntax.Shape == smi.ShapeSequenceOf {
		n.Kind = smi.Table
		if len(d.Parts) > 0 {
			l.add(s.module, d.Offset, false, "%s is a SEQUENCE OF and has an index: taken for a row", d.Name)
			n.becomeRow(d)
		}
		return
	}
	switch t := l.typeOf(s, &d.Syntax, 0); {
	case t == nil:
		l.report(s.module, d.Offset, "%s has no type: %s is not known", d.Name, d.Syntax.Name)
	case t.shape == smi.ShapeSequence:
		n.Kind = smi.Row
	default:
		n.Syntax = t
	}
	if len(d.Parts) > 0 {
		n.becomeRow(d)
	}
}

func (n *Node) becomeRow(d *smi.Definition) {
	n.Kind = smi.Row
	if d.Augments {
		return
	}
	for _, p := range d.Parts {
		n.Index = append(n.Index, IndexPart{Name: p.Name, Implied: p.Implied})
	}
}

// link finds the nodes that a definition names: those of an index, of a notification, and the row that
// it augments. All are looked for in the module itself and where that imports from.
func (l *loader) link(s *scope, d *smi.Definition, n *Node) {
	l.offset = d.Offset
	switch {
	case n.Augments != "":
		if row := l.augmented(s, n.Augments, 0); row != nil {
			n.Index = row.Index
		} else {
			l.report(s.module, d.Offset, "%s augments %s, which is no row", d.Name, n.Augments)
		}
	case d.Kind == smi.Notification:
		for _, part := range d.Parts {
			if object := l.find(s, part.Name); object != nil {
				n.Objects = append(n.Objects, object)
			} else {
				l.report(s.module, d.Offset, "%s has the object %s, which is defined nowhere", d.Name, part.Name)
			}
		}
	default:
		for i := range n.Index {
			part := &n.Index[i]
			if part.Node = l.find(s, part.Name); part.Node == nil {
				l.report(s.module, d.Offset, "%s has the index %s, which is no object", d.Name, part.Name)
			}
		}
	}
}

func (l *loader) find(s *scope, name string) *Node {
	from, i := l.lookup(s, name, values)
	if from == nil {
		return nil
	}
	return from.nodes[i]
}

// maxChain is how many types or rows may be derived from one another.
const maxChain = 30

// augmented finds the row whose index counts for those that augment name.
func (l *loader) augmented(s *scope, name string, depth int) *Node {
	from, i := l.lookup(s, name, values)
	if from == nil || depth > maxChain {
		return nil
	}
	if next := from.module.Definitions[i].Augmented(); next != "" {
		return l.augmented(from, next, depth+1)
	}
	return from.nodes[i]
}

// Syntaxes that are no names.
var (
	noSyntax = &Syntax{}
	unnamed  = map[smi.Shape]*Syntax{smi.ShapeNone: noSyntax, smi.ShapeSequence: {shape: smi.ShapeSequence}, smi.ShapeSequenceOf: {shape: smi.ShapeSequenceOf}, smi.ShapeOther: {shape: smi.ShapeOther}}
)

// typeOf resolves a syntax, with all that it takes over from those that it is derived from. It returns nil
// for a type that is not known.
func (l *loader) typeOf(s *scope, x *smi.Syntax, depth int) *Syntax {
	if x.Shape != smi.ShapeName {
		return unnamed[x.Shape]
	}
	if base, ok := baseSyntaxes[x.Name]; ok {
		if s.imports[x.Name] == nil && !ownWords[x.Name] {
			l.assume(s, x.Name, "SNMPv2-SMI")
		}
		return base.as("", x)
	}
	name := x.Name
	if module, rest, qualified := strings.Cut(name, "."); qualified {
		name = rest
		if from := l.byName[module]; from != nil {
			s = from
		}
	}
	from, i := l.lookup(s, name, types)
	if from == nil {
		return l.otherCase(s, name, x)
	}
	if depth > maxChain {
		return nil
	}
	if t := l.typeDefinition(from, i, depth); t != nil {
		return t.as(name, x)
	}
	return nil
}

// otherCase finds a base type, or a type of SNMPv2-TC, whose name differs in small and capital letters only.
func (l *loader) otherCase(s *scope, name string, x *smi.Syntax) *Syntax {
	if known, ok := foldedBaseTypes[strings.ToLower(name)]; ok {
		l.assume(s, name, known+", which differs in small and capital letters")
		return baseSyntaxes[known].as("", x)
	}
	from := l.byName["SNMPv2-TC"]
	if from == nil || from == s {
		return nil
	}
	for i := range from.module.Types {
		if known := from.module.Types[i].Name; strings.EqualFold(known, name) {
			l.assume(s, name, known+", which differs in small and capital letters")
			if t := l.typeDefinition(from, i, 0); t != nil {
				return t.as(known, x)
			}
		}
	}
	return nil
}

// as is a type by that name, restricted as x says.
func (t *Syntax) as(name string, x *smi.Syntax) *Syntax {
	if t.TC == name && len(x.Labels) == 0 && len(x.Ranges) == 0 {
		return t
	}
	c := *t
	c.TC = name
	if len(x.Labels) > 0 {
		c.Labels = signed(t.Type, x.Labels)
	}
	if len(x.Ranges) > 0 {
		c.Ranges = x.Ranges
	}
	return &c
}

// signed returns labels with the numbers that an INTEGER has on the wire: -1 may be written as 4294967295.
func signed(t smi.Type, labels []smi.Label) []smi.Label {
	beyond := func(l smi.Label) bool { return l.Number > math.MaxInt32 && l.Number <= math.MaxUint32 }
	if t != smi.Integer && t != smi.Integer32 || !slices.ContainsFunc(labels, beyond) {
		return labels
	}
	labels = slices.Clone(labels)
	for i := range labels {
		if beyond(labels[i]) {
			labels[i].Number = int64(int32(labels[i].Number))
		}
	}
	return labels
}

// ownWords are the base types that need no import.
var ownWords = map[string]bool{"INTEGER": true, "OCTET STRING": true, "BIT STRING": true, "OBJECT IDENTIFIER": true, "BITS": true}

func (l *loader) typeDefinition(s *scope, i int, depth int) *Syntax {
	if t := s.resolved[i]; t != nil {
		return t
	}
	d := &s.module.Types[i]
	from := l.typeOf(s, &d.Syntax, depth+1)
	if from == nil {
		return nil
	}
	if d.Convention && from.TC != "" {
		l.add(s.module, d.Offset, false, "%s is derived from %s, a convention itself: what that has counts here too", d.Name, from.TC)
	}
	t := *from
	t.TC = d.Name
	if d.Hint != "" {
		t.Hint = d.Hint
	}
	s.resolved[i] = &t
	return &t
}
