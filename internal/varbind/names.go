// Package varbind has the names and values of variable bindings as rules and commands write them: names of MIBs become
// OIDs, and texts become values in the types that the objects have.
package varbind

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"trapline/internal/originator"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Names resolves the names of notifications and objects in rules and commands. The MIBs are read at the first call; a
// nil Names has no MIBs.
type Names func() (*mibs.Tree, error)

// tree returns the MIBs, or nil if there are none.
func (n Names) tree() (*mibs.Tree, error) {
	if n == nil {
		return nil, nil
	}
	return n()
}

// Notification returns the OID of a notification and its definition, which is nil for a number that no MIB defines.
func (n Names) Notification(text string) (snmp.OID, *mibs.Node, error) {
	o, i, err := n.Find(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w%s", err, n.suggestion(text, func(node *mibs.Node) bool { return node.Kind == smi.Notification }))
	}
	if i.Node != nil && i.Node.Kind == smi.Notification && len(i.Index) == 0 {
		return o, i.Node, nil
	}
	if isName(text) {
		return nil, nil, fmt.Errorf("%s is no notification: MIBs know it as a %s", text, i.Node.Kind)
	}
	return o, nil, originator.CheckTrap(o)
}

// suggestion returns a question for a misspelled name, or "" if none of the nodes has a similar one.
func (n Names) suggestion(name string, among func(*mibs.Node) bool) string {
	t, err := n.tree()
	if err != nil || t == nil {
		return ""
	}
	var names []string
	for node := range t.All() {
		if among(node) {
			names = append(names, node.Name)
		}
	}
	_, name = mibs.CutModule(name)
	name, _, _ = strings.Cut(name, ".")
	if near := setting.Nearest(name, names); near != "" && near != name {
		return ": " + setting.Question(near)
	}
	return ""
}

// OID returns the OID of a name, with or without an index, or of an OID in numbers.
func (n Names) OID(text string) (snmp.OID, error) {
	if isName(text) {
		o, _, err := n.Find(text)
		if err != nil {
			err = fmt.Errorf("%w%s", err, n.suggestion(text, func(*mibs.Node) bool { return true }))
		}
		return o, err
	}
	return ParseOID(text)
}

// Find resolves a name or an OID in numbers. The node is nil for an OID that no MIB defines.
func (n Names) Find(text string) (snmp.OID, mibs.Instance, error) {
	t, err := n.tree()
	if err != nil {
		return nil, mibs.Instance{}, err
	}
	if isName(text) {
		if t == nil {
			return nil, mibs.Instance{}, fmt.Errorf("%q: there are no MIBs to look for names in", text)
		}
		i, err := t.Resolve(text)
		if err != nil {
			return nil, i, err
		}
		return i.OID(), i, nil
	}
	o, err := ParseOID(text)
	if err != nil || t == nil {
		return o, mibs.Instance{}, err
	}
	return o, t.Object(o), nil
}

// ParseOID parses an OID of two numbers or more.
func ParseOID(text string) (snmp.OID, error) {
	o, err := snmp.ParseOID(text)
	if err == nil && !o.Valid() {
		err = errors.New("an OID has two numbers or more")
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not an OID: %w", text, err)
	}
	return o, nil
}

func isName(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// IsObject reports whether a node is an object type, whose instances have values.
func IsObject(n *mibs.Node) bool { return n != nil && (n.Kind == smi.Scalar || n.Kind == smi.Column) }

// NameOf returns the name of a notification, or its OID in numbers if no MIB defines it.
func (n Names) NameOf(notification snmp.OID) string {
	if t, err := n.tree(); err == nil && t != nil {
		if i := t.Object(notification); i.Node != nil && len(i.Index) == 0 {
			return i.String()
		}
	}
	return notification.String()
}
