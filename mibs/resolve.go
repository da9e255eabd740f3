package mibs

import (
	"math"
	"slices"
	"strings"

	"trapline/internal/snmp"
)

// resolve makes the nodes of all modules.
func (l *loader) resolve() *Tree {
	for _, s := range l.scopes {
		for i := range s.module.definitions {
			l.node(s, i)
		}
	}
	t := newTree(l.scopes, l.named)
	t.findRows()
	for _, s := range l.scopes {
		for i, n := range s.nodes {
			if n != nil {
				l.link(s, &s.module.definitions[i], n)
			}
		}
	}
	t.diagnostics = l.diagnostics
	return t
}

// node resolves definition i of a module, and what it hangs on. It returns nil if that is unknown.
func (l *loader) node(s *scope, i int) *Node {
	if s.states[i] != unresolved || l.depth > MaxArcs {
		return s.nodes[i] // nil for one that hangs on itself
	}
	s.states[i] = resolving
	l.depth++
	d := &s.module.definitions[i]
	defer func(before uint32) { l.offset = before }(l.offset)
	l.offset = d.offset
	switch counts := s.values[d.name]; {
	case counts > i:
		l.add(s.module, d.offset, false, "%s is defined once more below: that counts for what hangs on it", d.name)
	case counts < i:
		l.add(s.module, d.offset, false, "%s hangs on another %s above: that counts for what hangs on the name", d.name, d.name)
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

// oid resolves the value of definition i: what its last name without a number stands for, and the
// numbers behind that.
func (l *loader) oid(s *scope, i int) snmp.OID {
	d := &s.module.definitions[i]
	first := len(d.value) - 1
	for first > 0 && d.value[first].numbered {
		first--
	}
	var above snmp.OID
	if a := d.value[first]; a.name != "" {
		if above = l.parent(s, i, a); above == nil {
			l.tell(s.module, d.offset, "%s is left out: %s, in its OID, is not known", d.name, a.name)
			return nil
		}
		first++
	}
	oid := append(l.room(len(above)+5*len(d.value)), above...)
	for _, a := range d.value[first:] {
		if oid = appendArc(oid, a.number); oid == nil || len(oid) > MaxArcs*5 {
			l.tell(s.module, d.offset, "%s is left out: there is no such OID", d.name)
			return nil
		}
	}
	l.octets = l.octets[:len(l.octets)+len(oid)]
	return oid[:len(oid):len(oid)]
}

// room gives an empty slice for that many octets; they are not taken until the length of l.octets says so.
func (l *loader) room(octets int) snmp.OID {
	if cap(l.octets)-len(l.octets) < octets {
		l.octets = make([]byte, 0, max(octets, 8192))
	}
	return l.octets[len(l.octets):len(l.octets)]
}

// parent finds the OID of a name that definition i hangs on. A name that is defined by itself is
// that of another module.
func (l *loader) parent(s *scope, i int, a arc) snmp.OID {
	from, at := l.lookup(s, a.name, values)
	if from == s && (at == i || s.states[at] == resolving) {
		from, at = l.lookupAbroad(s, a.name, values)
	}
	if from != nil {
		if n := l.node(from, at); n != nil {
			return n.OID
		}
		return nil
	}
	if root, known := roots[a.name]; known {
		return appendArc(nil, root)
	}
	if a.numbered && a.number <= 2 {
		return appendArc(nil, a.number)
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

// isRoot tells whether oid is a single arc.
func isRoot(oid snmp.OID) bool { return len(oid) == 1 && oid[0] >= 0x80 }

// describe fills a node with what its definition says, except of other nodes.
func (l *loader) describe(s *scope, d *definition, n *Node) {
	n.Name, n.Module, n.Kind, n.Access, n.Status, n.rank = d.name, s.module.name, d.kind, d.access, d.status, s.rank
	n.Units, n.Augments, n.Description, n.Syntax = d.units, d.augmented(), d.description, noSyntax
	if d.kind != Scalar {
		return
	}
	if d.syntax.form == formTable {
		n.Kind = Table
		if len(d.parts) > 0 {
			l.add(s.module, d.offset, false, "%s is a SEQUENCE OF and has an index: taken for a row", d.name)
			n.becomeRow(d)
		}
		return
	}
	switch t := l.typeOf(s, &d.syntax, 0); {
	case t == nil:
		l.tell(s.module, d.offset, "%s has no type: %s is not known", d.name, d.syntax.name)
	case t.form == formRow:
		n.Kind = Row
	default:
		n.Syntax = t
	}
	if len(d.parts) > 0 {
		n.becomeRow(d)
	}
}

func (n *Node) becomeRow(d *definition) {
	n.Kind = Row
	if d.augments {
		return
	}
	for _, p := range d.parts {
		n.Index = append(n.Index, IndexPart{Name: p.name, Implied: p.implied})
	}
}

// link finds the nodes that a definition names: those of an index, of a notification, and the row that
// it augments. All are looked for in the module itself and where that imports from.
func (l *loader) link(s *scope, d *definition, n *Node) {
	l.offset = d.offset
	switch {
	case n.Augments != "":
		if row := l.augmented(s, n.Augments, 0); row != nil {
			n.Index = row.Index
		} else {
			l.tell(s.module, d.offset, "%s augments %s, which is no row", d.name, n.Augments)
		}
	case d.kind == Notification:
		for _, part := range d.parts {
			if object := l.find(s, part.name); object != nil {
				n.Objects = append(n.Objects, object)
			} else {
				l.tell(s.module, d.offset, "%s has the object %s, which is defined nowhere", d.name, part.name)
			}
		}
	default:
		for i := range n.Index {
			part := &n.Index[i]
			if part.Node = l.find(s, part.Name); part.Node == nil {
				l.tell(s.module, d.offset, "%s has the index %s, which is no object", d.name, part.Name)
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
	if next := from.module.definitions[i].augmented(); next != "" {
		return l.augmented(from, next, depth+1)
	}
	return from.nodes[i]
}

// Syntaxes that are no names.
var (
	noSyntax = &Syntax{}
	unnamed  = map[form]*Syntax{formNone: noSyntax, formRow: {form: formRow}, formTable: {form: formTable}, formOther: {form: formOther}}
)

// typeOf resolves a syntax, with all that it takes over from those that it is derived from. It returns nil
// for a type that is not known.
func (l *loader) typeOf(s *scope, x *syntax, depth int) *Syntax {
	if x.form != formPlain {
		return unnamed[x.form]
	}
	if base, ok := baseSyntaxes[x.name]; ok {
		if s.imports[x.name] == nil && !ownWords[x.name] {
			l.assume(s, x.name, "SNMPv2-SMI")
		}
		return base.as("", x)
	}
	name := x.name
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
func (l *loader) otherCase(s *scope, name string, x *syntax) *Syntax {
	if known, ok := foldedBaseTypes[strings.ToLower(name)]; ok {
		l.assume(s, name, known+", which differs in small and capital letters")
		return baseSyntaxes[known].as("", x)
	}
	from := l.byName["SNMPv2-TC"]
	if from == nil || from == s {
		return nil
	}
	for i := range from.module.types {
		if known := from.module.types[i].name; strings.EqualFold(known, name) {
			l.assume(s, name, known+", which differs in small and capital letters")
			if t := l.typeDefinition(from, i, 0); t != nil {
				return t.as(known, x)
			}
		}
	}
	return nil
}

// as is a type by that name, restricted as x says.
func (t *Syntax) as(name string, x *syntax) *Syntax {
	if t.TC == name && len(x.labels) == 0 && len(x.ranges) == 0 {
		return t
	}
	c := *t
	c.TC = name
	if len(x.labels) > 0 {
		c.Labels = signed(t.Type, x.labels)
	}
	if len(x.ranges) > 0 {
		c.Ranges = x.ranges
	}
	return &c
}

// signed returns labels with the numbers that an INTEGER has on the wire: -1 may be written as 4294967295.
func signed(t Type, labels []Label) []Label {
	beyond := func(l Label) bool { return l.Number > math.MaxInt32 && l.Number <= math.MaxUint32 }
	if t != Integer && t != Integer32 || !slices.ContainsFunc(labels, beyond) {
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
	d := &s.module.types[i]
	from := l.typeOf(s, &d.syntax, depth+1)
	if from == nil {
		return nil
	}
	if d.convention && from.TC != "" {
		l.add(s.module, d.offset, false, "%s is derived from %s, a convention itself: what that has counts here too", d.name, from.TC)
	}
	t := *from
	t.TC = d.name
	if d.hint != "" {
		t.Hint = d.hint
	}
	s.resolved[i] = &t
	return &t
}
