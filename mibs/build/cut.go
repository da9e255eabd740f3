package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// cut returns the facts about those tables and groups of scalars of modules that objects names, and a line for each
// name that has none. Modules whose facts are built in anyway are left out.
func cut(objects map[string][]string, files *mibs.Directories) (texts map[string][]byte, missing []string, err error) {
	c := &cutter{kept: map[string]map[*mibs.Node]bool{}, standard: mibs.Embedded().Names()}
	known := files.Names()
	var modules []string
	for _, module := range slices.Sorted(maps.Keys(objects)) {
		_, found := slices.BinarySearch(known, module)
		switch {
		case c.isStandard(module):
		case !found:
			for _, name := range objects[module] {
				missing = append(missing, fmt.Sprintf("%s::%s: no file has the module", module, name))
			}
		default:
			modules = append(modules, module)
		}
	}
	if c.tree, err = mibs.Load(append(slices.Clone(modules), c.standard...), mibs.Embedded(), files); err != nil {
		return nil, nil, err
	}
	for _, module := range slices.Sorted(maps.Keys(objects)) {
		if _, found := slices.BinarySearch(known, module); !found && !c.isStandard(module) {
			continue
		}
		for _, name := range objects[module] {
			if n := c.tree.Node(module, name); n == nil || untyped(n) {
				missing = append(missing, fmt.Sprintf("%s::%s: the file of the module does not define it, or not its type", module, name))
			} else if !c.isStandard(module) {
				c.keep(n)
			}
		}
	}
	parsed := mibs.Parsed{}
	for name, nodes := range c.kept {
		parsed[name] = c.module(name, slices.Collect(maps.Keys(nodes)))
	}
	if texts, err = mibs.WriteFacts(parsed.Names(), parsed, mibs.Embedded()); err != nil {
		return nil, nil, err
	}
	maps.DeleteFunc(texts, func(name string, _ []byte) bool { return c.isStandard(name) })
	return texts, missing, nil
}

// cutter gathers the nodes to keep of each module.
type cutter struct {
	tree     *mibs.Tree
	kept     map[string]map[*mibs.Node]bool
	standard []string // modules whose facts are built in
}

func (c *cutter) isStandard(module string) bool {
	_, found := slices.BinarySearch(c.standard, module)
	return found
}

// keep keeps the table of a column or a row, the group of a scalar, and everything below other nodes.
func (c *cutter) keep(n *mibs.Node) {
	switch n.Kind {
	case smi.Column:
		c.keepBelow(n.Module, n.Row.OID.Parent(), false)
	case smi.Row:
		c.keepBelow(n.Module, n.OID.Parent(), false)
	case smi.Table:
		c.keepBelow(n.Module, n.OID, false)
	case smi.Scalar:
		c.keepBelow(n.Module, n.OID.Parent(), true)
	default:
		c.add(n)
		c.keepBelow(n.Module, n.OID, false)
	}
}

// keepBelow keeps the objects of a module at an OID and below it; of a group only the scalars directly below.
func (c *cutter) keepBelow(module string, oid snmp.OID, group bool) {
	for near := range c.tree.Below(oid) {
		for _, n := range c.tree.At(near.OID) {
			isObject := n.Kind == smi.Table || n.Kind == smi.Row || n.Kind == smi.Column || n.Kind == smi.Scalar
			if n.Module == module && isObject && (!group || n.Kind == smi.Scalar && n.OID.Parent().Compare(oid) == 0) {
				c.add(n)
			}
		}
	}
}

// untyped reports whether the type of an object is unknown.
func untyped(n *mibs.Node) bool {
	return (n.Kind == smi.Column || n.Kind == smi.Scalar) && n.Syntax.Type == smi.Other
}

// add keeps a node; of a row also the objects of its index, with their rows and tables.
func (c *cutter) add(n *mibs.Node) {
	if c.isStandard(n.Module) || c.kept[n.Module][n] || untyped(n) {
		return
	}
	if c.kept[n.Module] == nil {
		c.kept[n.Module] = map[*mibs.Node]bool{}
	}
	c.kept[n.Module][n] = true
	for _, part := range n.Index {
		if object := c.object(part); object != nil {
			c.add(object)
		}
	}
	if n.Row != nil {
		c.add(n.Row)
	}
	if n.Kind == smi.Row {
		for _, table := range c.tree.At(n.OID.Parent()) {
			if table.Module == n.Module {
				c.add(table)
			}
		}
	}
}

// object returns the object of an index, one of another module if the module forgot to import it, nil if there is none.
func (c *cutter) object(part mibs.IndexPart) *mibs.Node {
	if part.Node != nil {
		return part.Node
	}
	for _, n := range c.tree.Named(part.Name) {
		return n
	}
	return nil
}

// module returns the kept part of a module. Types are copied into it, so that it imports no more than objects of
// indexes.
func (c *cutter) module(name string, nodes []*mibs.Node) *smi.Module {
	m := &smi.Module{Name: name, File: &smi.Source{}, Partial: true}
	for _, of := range c.tree.Modules() {
		if of.Name == name {
			m.LastUpdated = of.LastUpdated
		}
	}
	slices.SortFunc(nodes, func(a, b *mibs.Node) int { return cmp.Or(a.OID.Compare(b.OID), cmp.Compare(a.Name, b.Name)) })
	names := map[string]string{} // of kept nodes by their OIDs
	types := map[string]bool{}
	for _, n := range nodes {
		d := smi.Definition{Name: n.Name, Kind: n.Kind, Access: n.Access, Status: n.Status, Units: n.Units, Value: place(n.OID, names)}
		names[string(n.OID)] = n.Name
		switch n.Kind {
		case smi.Table:
			d.Kind, d.Syntax = smi.Scalar, smi.Syntax{Shape: smi.ShapeSequenceOf}
		case smi.Row:
			d.Kind, d.Syntax = smi.Scalar, smi.Syntax{Shape: smi.ShapeSequence}
			for _, part := range n.Index {
				d.Parts = append(d.Parts, smi.Part{Name: part.Name, Implied: part.Implied})
				if object := c.object(part); object != nil && object.Module != name {
					m.Imports = append(m.Imports, smi.Imported{Name: part.Name, Module: object.Module})
				}
			}
		case smi.Column, smi.Scalar:
			d.Kind = smi.Scalar
			d.Syntax = smi.Syntax{Shape: smi.ShapeName, Name: cmp.Or(n.Syntax.TC, n.Syntax.Type.String()), Labels: n.Syntax.Labels, Ranges: n.Syntax.Ranges}
			c.addType(m, &d.Syntax, n.Syntax, types)
		}
		m.Definitions = append(m.Definitions, d)
	}
	return m
}

// conventions are the types of SNMPv2-TC, which are there in all modules.
const conventions = `AutonomousType DateAndTime DisplayString InstancePointer MacAddress PhysAddress RowPointer RowStatus
StorageType TAddress TDomain TestAndIncr TimeInterval TimeStamp TruthValue VariablePointer`

// addType adds the type that an object names, once.
func (c *cutter) addType(m *smi.Module, of *smi.Syntax, s *mibs.Syntax, known map[string]bool) {
	if s.TC == "" || slices.Contains(strings.Fields(conventions), s.TC) {
		return
	}
	for _, t := range m.Types {
		if t.Name == s.TC && slices.Equal(t.Syntax.Labels, of.Labels) {
			of.Labels = nil // as its type has them
		}
	}
	if known[s.TC] {
		return
	}
	known[s.TC] = true
	m.Types = append(m.Types, smi.TypeDefinition{Name: s.TC, Hint: s.Hint, Syntax: smi.Syntax{Shape: smi.ShapeName, Name: s.Type.String(), Labels: s.Labels}})
	of.Labels = nil
}

var enterprises = snmp.MustParseOID("1.3.6.1.4.1")

// place returns an OID below that of a kept node, else below one that all modules know.
func place(oid snmp.OID, names map[string]string) []smi.Arc {
	if parent, last := oid.CutLast(); names[string(parent)] != "" {
		return []smi.Arc{{Name: names[string(parent)]}, {Number: last, Numbered: true}}
	}
	arcs, texts := []smi.Arc{{Name: "iso"}}, strings.Split(oid.String(), ".")[1:]
	if oid.HasPrefix(enterprises) {
		arcs, texts = []smi.Arc{{Name: "enterprises"}}, texts[5:]
	}
	for _, text := range texts {
		number, _ := strconv.ParseUint(text, 10, 32) // as OID writes it
		arcs = append(arcs, smi.Arc{Number: uint32(number), Numbered: true})
	}
	return arcs
}
