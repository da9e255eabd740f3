package profile

import (
	"context"
	"fmt"
	"slices"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Subtree is a table, a group of scalars or a subtree that is in no MIB.
type Subtree struct {
	OID  snmp.OID
	Name string // MODULE::name, or empty if it is in no MIB
	Part bool   // a module reads other columns of the table, or other objects of a subtree that is in no MIB
}

func (s Subtree) String() string {
	text := s.OID.String()
	if s.Name != "" {
		text = fmt.Sprintf("%s (%s)", s.Name, s.OID)
	}
	switch {
	case s.Part && s.Name == "":
		text += ", but for some objects"
	case s.Part:
		text += ", but for some columns"
	}
	return text
}

// maxSubtrees bounds the search, because an agent may return objects forever.
const maxSubtrees = 5000

// Unread returns the subtrees of a device that no chosen module reads. It skips from subtree to
// subtree with GETNEXT.
func (c *Choice) Unread(ctx context.Context, s collector.Session, params client.Params, tree *mibs.Tree) ([]Subtree, error) {
	var list []Subtree
	seen := map[string]bool{}
	cursor := snmp.MustParseOID("1.0")
	for range maxSubtrees {
		var name snmp.OID
		_, err := s.Poll(ctx, &client.Plan{Next: []snmp.OID{cursor}, Params: params}, func(v snmp.VarBind) { name = append(snmp.OID{}, v.Name...) })
		if err != nil || name == nil {
			return list, err
		}
		subtree, over := subtreeOf(tree, name)
		root := c.readBy(name)
		if root != nil && subtree.Name == "" && len(root) > len(over) {
			over = root // beside it there may be what nothing reads
		}
		if root == nil && !seen[string(subtree.OID)] {
			seen[string(subtree.OID)] = true
			subtree.Part = c.readsColumns(subtree.OID) || subtree.Name == "" && c.readsBelow(subtree.OID)
			list = append(list, subtree)
		}
		cursor = snmp.AppendArc(append(snmp.OID{}, over...), 1<<32-1)
	}
	return list, fmt.Errorf("more than %d subtrees", maxSubtrees)
}

// Reads reports whether a chosen module reads an instance.
func (c *Choice) Reads(name snmp.OID) bool { return c.readBy(name) != nil }

// readBy returns the OID by which a chosen module reads an instance, nil if none does.
func (c *Choice) readBy(name snmp.OID) snmp.OID {
	for _, m := range c.Modules {
		s, err := m.Module.Settings()
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(s.Walk, func(walk setting.OID) bool { return name.HasPrefix(walk.OID) }); i >= 0 {
			return s.Walk[i].OID
		}
		if slices.ContainsFunc(s.Get, func(get setting.OID) bool { return name.Compare(get.OID) == 0 }) {
			return name
		}
	}
	return nil
}

// readsColumns reports whether a chosen module reads columns of a table.
func (c *Choice) readsColumns(table snmp.OID) bool {
	return slices.ContainsFunc(c.Modules, func(m Chosen) bool {
		s, err := m.Module.Settings()
		return err == nil && slices.ContainsFunc(s.Walk, func(walk setting.OID) bool {
			return walk.HasPrefix(table) && walk.OID.Parent().Parent().Compare(table) == 0
		})
	})
}

// readsBelow reports whether a chosen module reads something below an OID.
func (c *Choice) readsBelow(root snmp.OID) bool {
	below := func(o setting.OID) bool { return o.HasPrefix(root) }
	return slices.ContainsFunc(c.Modules, func(m Chosen) bool {
		s, err := m.Module.Settings()
		return err == nil && (slices.ContainsFunc(s.Walk, below) || slices.ContainsFunc(s.Get, below))
	})
}

// unknownArcs is the number of arcs after the last known node by which unknown subtrees are
// distinguished: an enterprise, and the two arcs below it.
const unknownArcs = 3

// subtreeOf returns the subtree of an instance, and the OID whose subtree the search can skip.
func subtreeOf(tree *mibs.Tree, name snmp.OID) (s Subtree, over snmp.OID) {
	n := tree.Find(name).Node
	if n == nil {
		return Subtree{OID: name}, name
	}
	switch n.Kind {
	case smi.Column:
		if table := parentOf(tree, n.Row.OID); table != nil {
			return Subtree{OID: table.OID, Name: table.Module + "::" + table.Name}, table.OID
		}
	case smi.Scalar:
		if group := parentOf(tree, n.OID); group != nil {
			return Subtree{OID: group.OID, Name: group.Module + "::" + group.Name}, n.OID
		}
	case smi.Table, smi.Row:
		return Subtree{OID: n.OID, Name: n.Module + "::" + n.Name}, n.OID
	}
	oid := append(snmp.OID{}, n.OID...)
	for rest, i := []byte(name[len(n.OID):]), 0; i < unknownArcs && len(rest) > 0; i++ {
		var arc uint32
		arc, rest, _ = snmp.CutArc(rest)
		oid = snmp.AppendArc(oid, arc)
	}
	return Subtree{OID: oid}, oid
}

func parentOf(tree *mibs.Tree, oid snmp.OID) *mibs.Node {
	parent := oid.Parent()
	if len(parent) == 0 {
		return nil
	}
	return tree.Find(parent).Node
}
