package mibs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// WriteFacts returns the facts of the modules called names and of those that they import, in the format of Facts:
// one text for each module, without the modules that define the language itself.
func WriteFacts(names []string, sources ...Source) (map[string][]byte, error) {
	l, err := gather(names, Open(sources...))
	if err != nil {
		return nil, err
	}
	l.resolve()
	texts := map[string][]byte{}
	for _, s := range l.scopes {
		if !base[s.module.Name] {
			texts[s.module.Name] = l.appendModule(nil, s)
		}
	}
	return texts, nil
}

func (l *loader) appendModule(b []byte, s *scope) []byte {
	m := s.module
	b = appendFields(b, "m", m.Name, m.LastUpdated, map[bool]string{true: partial}[m.Partial])
	b = l.appendImports(b, s)
	for _, t := range slices.SortedFunc(slices.Values(m.Types), func(a, b smi.TypeDefinition) int { return cmp.Compare(a.Name, b.Name) }) {
		if t.Syntax.Shape == smi.ShapeName {
			b = appendFields(b, "t", t.Name, t.Hint, syntaxFact(t.Syntax))
		}
	}
	order := make([]int, 0, len(s.nodes))
	for i, n := range s.nodes {
		// Of a name that is defined twice the last definition counts.
		if n != nil && s.values[n.Name] == i {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(s.nodes[a].OID.Compare(s.nodes[b].OID), cmp.Compare(s.nodes[a].Name, s.nodes[b].Name))
	})
	parent := ""
	for _, i := range order {
		d, n := &m.Definitions[i], s.nodes[i]
		name, arcs := placeFact(d.Value, n.OID)
		place := arcs
		if name != parent || name == "" {
			place, parent = name+arcs, name
		}
		b = l.appendDefinition(b, d, n, place)
	}
	return b
}

func (l *loader) appendDefinition(b []byte, d *smi.Definition, n *Node, place string) []byte {
	var list []string
	for _, part := range d.Parts {
		if part.Implied {
			part.Name = "!" + part.Name
		}
		list = append(list, part.Name)
	}
	parts := strings.Join(list, " ")
	switch d.Kind {
	case smi.Plain:
		return appendFields(b, "n", d.Name, place)
	case smi.Notification:
		return appendFields(b, "T", d.Name, place, parts)
	case smi.Scalar:
	default:
		return appendFields(b, letter(&factKinds, d.Kind), d.Name, place)
	}
	if d.Augments {
		parts = "+" + d.Augmented()
	}
	syntax := syntaxFact(d.Syntax)
	switch n.Kind {
	case smi.Table:
		syntax = "*"
	case smi.Row:
		syntax = "#"
	}
	kind := "o" + letter(&factAccesses, d.Access) + letter(&factStatuses, d.Status)
	return appendFields(b, kind, d.Name, place, syntax, unitsFact(d.Units), parts)
}

// letter returns the letter of a value, or "" if it has none.
func letter[T comparable](table *[128]T, value T) string {
	var none T
	for c, v := range table {
		if v == value && v != none {
			return string(rune(c))
		}
	}
	return ""
}

// appendFields writes a line without the empty fields at its end.
func appendFields(b []byte, fields ...string) []byte {
	b = append(b, strings.Join(fields, "\t")...)
	return append(bytes.TrimRight(b, "\t"), '\n')
}

// unitsFact returns units, or "" if it is a sentence rather than a unit.
func unitsFact(units string) string {
	if len(units) > 32 || len(strings.Fields(units)) > 4 {
		return ""
	}
	return units
}

// placeFact returns the parent name of an OID and the numbers after it; only numbers if the
// value has more than one name.
func placeFact(value []smi.Arc, oid snmp.OID) (name, arcs string) {
	var b strings.Builder
	for i, a := range value {
		switch {
		case i == 0 && a.Name != "":
			name = a.Name
		case !a.Numbered || i == 0:
			return "", oid.String()
		default:
			fmt.Fprintf(&b, ".%d", a.Number)
		}
	}
	return name, b.String()
}

func syntaxFact(x smi.Syntax) string {
	var b strings.Builder
	switch x.Name {
	case "OCTET STRING", "OBJECT IDENTIFIER", "INTEGER":
		b.WriteByte(map[byte]byte{'C': 'S', 'B': 'O', 'N': 'I'}[x.Name[1]])
	default:
		b.WriteString(x.Name)
	}
	if len(x.Labels) > 0 {
		next := int64(0)
		for i, l := range x.Labels {
			b.WriteByte("{,"[min(i, 1)])
			if l.Number != next || i == 0 {
				fmt.Fprintf(&b, "%d=", l.Number)
			}
			b.WriteString(l.Name)
			next = l.Number + 1
		}
		b.WriteByte('}')
	}
	for i, r := range x.Ranges {
		b.WriteByte("(|"[min(i, 1)])
		b.WriteString(strconv.FormatInt(r.Low, 10))
		if r.High != r.Low {
			fmt.Fprintf(&b, "..%d", r.High)
		}
	}
	if len(x.Ranges) > 0 {
		b.WriteByte(')')
	}
	return b.String()
}

// appendImports writes where the symbols come from that the module uses and does not define.
func (l *loader) appendImports(b []byte, s *scope) []byte {
	used := map[string]map[string]bool{}
	use := func(name string, of symbols) {
		from, _ := l.lookup(s, name, of)
		if name == "" || from == nil || from == s || base[from.module.Name] {
			return
		}
		if used[from.module.Name] == nil {
			used[from.module.Name] = map[string]bool{}
		}
		used[from.module.Name][name] = true
	}
	for _, t := range s.module.Types {
		use(t.Syntax.Name, types)
	}
	for i, d := range s.module.Definitions {
		if s.nodes[i] == nil {
			continue
		}
		use(d.Value[0].Name, values)
		if s.nodes[i].Syntax.Type != smi.Other {
			use(d.Syntax.Name, types)
		}
		for _, part := range d.Parts {
			use(part.Name, values)
		}
	}
	for _, module := range slices.Sorted(maps.Keys(used)) {
		b = appendFields(b, "i", module, strings.Join(slices.Sorted(maps.Keys(used[module])), " "))
	}
	return b
}
