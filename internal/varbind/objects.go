package varbind

import (
	"bytes"
	"fmt"
	"slices"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Asker returns the text of the value of an object of a notification. Its arguments are the object, the name of the
// instance and the text of the default.
type Asker func(o *mibs.Node, name, otherwise string) (text string, err error)

// RowObjects returns the variable bindings of a notification about the row with an index, which is written as in the
// name of an instance: the OBJECTS of its definition in their order, then all others that are given. Of those that
// are given, the index may be missing. The others have their value from the index or from ask; without it, or
// where it returns "", they have the first label, the smallest number or the shortest string that they may have.
func (n Names) RowObjects(notification *mibs.Node, index string, given []snmp.VarBind, ask Asker) ([]snmp.VarBind, error) {
	if len(notification.Objects) == 0 {
		return nil, fmt.Errorf("%s has no OBJECTS: leave the index out", notification.Name)
	}
	given = slices.Clone(given)
	var list []snmp.VarBind
	for _, o := range notification.Objects {
		name, octets, err := objectIn(o, index)
		if err != nil {
			return nil, err
		}
		v, err := n.rowObject(o, name, octets, &given, ask)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	for i, v := range given {
		if _, at, err := n.Find(v.Name.String()); err == nil && at.Node != nil && at.Node.Kind == smi.Column && len(at.Index) == 0 {
			if given[i].Name, _, err = objectIn(at.Node, index); err != nil {
				return nil, err
			}
		}
	}
	return append(list, given...), nil
}

// objectIn returns the instance of an object in the row with an index, or the only instance of a scalar.
func objectIn(o *mibs.Node, index string) (name snmp.OID, octets []byte, err error) {
	if o.Kind != smi.Column {
		return snmp.AppendArc(bytes.Clone(o.OID), 0), nil, nil
	}
	octets, err = o.ParseIndex(index)
	if err == nil && o.Row != nil && len(o.CutIndex(octets)) < len(o.Row.Index) {
		err = fmt.Errorf("the index of %s has %d parts", o.Name, len(o.Row.Index))
	}
	if err != nil {
		return nil, nil, err
	}
	return append(bytes.Clone(o.OID), octets...), octets, nil
}

// rowObject finds the value of an object, and takes it off those that are given.
func (n Names) rowObject(o *mibs.Node, name snmp.OID, index []byte, given *[]snmp.VarBind, ask Asker) (v snmp.VarBind, err error) {
	i := slices.IndexFunc(*given, func(g snmp.VarBind) bool { return g.Name.Compare(name) == 0 || g.Name.Compare(o.OID) == 0 })
	if i >= 0 {
		v = (*given)[i]
		*given = slices.Delete(*given, i, i+1)
		v.Name = name
		return v, nil
	}
	v.Name = name
	if typ, value, ok := FromIndex(o, index); ok {
		v.Type, v.Value = typ, value
		return v, nil
	}
	text := defaultText(o)
	if ask != nil {
		answer, err := ask(o, mibs.Instance{Node: o, Index: name[len(o.OID):]}.Short(), text)
		if err != nil {
			return v, err
		}
		if answer != "" {
			text = answer
		}
	}
	if v.Type, v.Value, err = n.value(o, text); err != nil {
		if v.Type = syntaxOf[o.Syntax.Type]; v.Type == snmp.OctetString && text == defaultText(o) {
			v.Value, err = make([]byte, shortest(o)), nil // its DISPLAY-HINT has no form for it
		}
	}
	return v, err
}

// defaultText returns the text of a value that an object may have, as Names.value parses it.
func defaultText(o *mibs.Node) string {
	switch t := syntaxOf[o.Syntax.Type]; {
	case len(o.Syntax.Labels) > 0 && t == snmp.Integer:
		return o.Syntax.Labels[0].Name
	case t == snmp.OctetString || t == snmp.Opaque:
		return ""
	case t == snmp.IPAddress:
		return "0.0.0.0"
	case t == snmp.ObjectIdentifier:
		return "0.0"
	case len(o.Syntax.Ranges) > 0 && !within(o.Syntax.Ranges, 0):
		return fmt.Sprint(o.Syntax.Ranges[0].Low)
	}
	return "0"
}

// shortest is the number of octets that a string has at least.
func shortest(o *mibs.Node) int64 {
	if len(o.Syntax.Ranges) == 0 {
		return 0
	}
	return max(0, min(o.Syntax.Ranges[0].Low, 1<<16))
}
