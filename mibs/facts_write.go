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
)

// WriteFacts writes what the modules called names, and those that they import, say as Facts has it:
// one text for each module, except those that the language itself consists of.
func WriteFacts(names []string, sources ...Source) (map[string][]byte, error) {
	l, err := gather(names, sources)
	if err != nil {
		return nil, err
	}
	l.resolve()
	texts := map[string][]byte{}
	for _, s := range l.scopes {
		if !base[s.module.name] {
			texts[s.module.name] = l.appendModule(nil, s)
		}
	}
	return texts, nil
}

func (l *loader) appendModule(b []byte, s *scope) []byte {
	m := s.module
	b = appendFields(b, "m", m.name, m.lastUpdated)
	b = l.appendImports(b, s)
	for _, t := range slices.SortedFunc(slices.Values(m.types), func(a, b typeDefinition) int { return cmp.Compare(a.name, b.name) }) {
		if t.syntax.form == formPlain {
			b = appendFields(b, "t", t.name, t.hint, syntaxFact(t.syntax))
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
		d, n := &m.definitions[i], s.nodes[i]
		name, arcs := placeFact(d.value, n.OID)
		place := arcs
		if name != parent || name == "" {
			place, parent = name+arcs, name
		}
		b = l.appendDefinition(b, d, n, place)
	}
	return b
}

func (l *loader) appendDefinition(b []byte, d *definition, n *Node, place string) []byte {
	var list []string
	for _, part := range d.parts {
		if part.implied {
			part.name = "!" + part.name
		}
		list = append(list, part.name)
	}
	parts := strings.Join(list, " ")
	switch d.kind {
	case Plain:
		return appendFields(b, "n", d.name, place)
	case Notification:
		return appendFields(b, "T", d.name, place, parts)
	case Scalar:
	default:
		return appendFields(b, letter(&factKinds, d.kind), d.name, place)
	}
	if d.augments {
		parts = "+" + d.augmented()
	}
	syntax := syntaxFact(d.syntax)
	switch n.Kind {
	case Table:
		syntax = "*"
	case Row:
		syntax = "#"
	}
	kind := "o" + letter(&factAccesses, d.access) + letter(&factStatuses, d.status)
	return appendFields(b, kind, d.name, place, syntax, unitsFact(d.units), parts)
}

// letter turns one of the tables of letters round; it gives nothing for what has no letter.
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

// unitsFact leaves out what is rather a sentence than a unit.
func unitsFact(units string) string {
	if len(units) > 32 || len(strings.Fields(units)) > 4 {
		return ""
	}
	return units
}

// placeFact gives the name that an OID hangs on, and the numbers behind it; only numbers where the
// value names more than one.
func placeFact(value []arc, oid snmp.OID) (name, arcs string) {
	var b strings.Builder
	for i, a := range value {
		switch {
		case i == 0 && a.name != "":
			name = a.name
		case !a.numbered || i == 0:
			return "", oid.String()
		default:
			fmt.Fprintf(&b, ".%d", a.number)
		}
	}
	return name, b.String()
}

func syntaxFact(x syntax) string {
	var b strings.Builder
	switch x.name {
	case "OCTET STRING", "OBJECT IDENTIFIER", "INTEGER":
		b.WriteByte(map[byte]byte{'C': 'S', 'B': 'O', 'N': 'I'}[x.name[1]])
	default:
		b.WriteString(x.name)
	}
	if len(x.labels) > 0 {
		next := int64(0)
		for i, l := range x.labels {
			b.WriteByte("{,"[min(i, 1)])
			if l.Number != next || i == 0 {
				fmt.Fprintf(&b, "%d=", l.Number)
			}
			b.WriteString(l.Name)
			next = l.Number + 1
		}
		b.WriteByte('}')
	}
	for i, r := range x.ranges {
		b.WriteByte("(|"[min(i, 1)])
		b.WriteString(strconv.FormatInt(r.Low, 10))
		if r.High != r.Low {
			fmt.Fprintf(&b, "..%d", r.High)
		}
	}
	if len(x.ranges) > 0 {
		b.WriteByte(')')
	}
	return b.String()
}

// appendImports writes where the symbols come from that the module uses and does not define.
func (l *loader) appendImports(b []byte, s *scope) []byte {
	used := map[string]map[string]bool{}
	use := func(name string, of symbols) {
		from, _ := l.lookup(s, name, of)
		if name == "" || from == nil || from == s || base[from.module.name] {
			return
		}
		if used[from.module.name] == nil {
			used[from.module.name] = map[string]bool{}
		}
		used[from.module.name][name] = true
	}
	for _, t := range s.module.types {
		use(t.syntax.name, types)
	}
	for i, d := range s.module.definitions {
		if s.nodes[i] == nil {
			continue
		}
		use(d.value[0].name, values)
		if s.nodes[i].Type != Other {
			use(d.syntax.name, types)
		}
		for _, part := range d.parts {
			use(part.name, values)
		}
	}
	for _, module := range slices.Sorted(maps.Keys(used)) {
		b = appendFields(b, "i", module, strings.Join(slices.Sorted(maps.Keys(used[module])), " "))
	}
	return b
}
