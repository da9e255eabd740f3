package varbind

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Index is the index of an object by labels that are called after the objects of its row's INDEX. That of a
// scalar is 0.
func (n Names) Index(o *mibs.Node, labels map[string]string) (index snmp.OID, known bool, err error) {
	if o.Kind == smi.Scalar {
		return snmp.OID{0}, true, nil
	}
	if o.Row == nil || len(o.Row.Index) == 0 {
		return nil, false, nil
	}
	for i, part := range o.Row.Index {
		text := labelOf(labels, o.Row.Index, i)
		if text == "" || part.Node == nil {
			return nil, false, nil
		}
		typ, value, err := n.value(part.Node, text)
		if err == nil {
			index, err = part.Append(index, indexArcs(typ, value))
		}
		if err != nil {
			return nil, false, fmt.Errorf("label %s: %w", part.Name, err)
		}
	}
	return index, true, nil
}

// labelOf returns the label of a part of an index, or "". The label of an InetAddressType may be missing: the address
// that follows has the type (RFC 4001).
func labelOf(labels map[string]string, index []mibs.IndexPart, i int) string {
	if text := labels[index[i].Name]; text != "" || i+1 == len(index) || index[i].Node == nil || index[i].Node.Syntax.TC != "InetAddressType" {
		return text
	}
	a, err := netip.ParseAddr(labels[index[i+1].Name])
	switch {
	case err != nil:
		return ""
	case a.Is4():
		return "1"
	}
	return "2"
}

// indexArcs returns the sub-identifiers of a value in an index.
func indexArcs(t snmp.Type, value []byte) (arcs []uint32) {
	switch t {
	case snmp.OctetString, snmp.IPAddress, snmp.Opaque:
		for _, c := range value {
			arcs = append(arcs, uint32(c))
		}
		return arcs
	case snmp.ObjectIdentifier:
		for number := range strings.SplitSeq(snmp.OID(value).String(), ".") {
			arc, _ := strconv.ParseUint(number, 10, 32)
			arcs = append(arcs, uint32(arc))
		}
		return arcs
	}
	n, _ := snmp.VarBind{Type: t, Value: value}.Int()
	return []uint32{uint32(n)}
}

// indexValue is the inverse of indexArcs. It returns ok false if the object cannot have the value.
func indexValue(o *mibs.Node, arcs []uint32) (t snmp.Type, value []byte, ok bool) {
	switch t = syntaxOf[o.Syntax.Type]; t {
	case snmp.OctetString, snmp.IPAddress, snmp.Opaque:
		for _, arc := range arcs {
			if arc > 0xff {
				return t, nil, false
			}
			value = append(value, byte(arc))
		}
		return t, value, true
	case snmp.ObjectIdentifier:
		var dotted []string
		for _, arc := range arcs {
			dotted = append(dotted, strconv.FormatUint(uint64(arc), 10))
		}
		oid, err := snmp.ParseOID(strings.Join(dotted, "."))
		return t, oid, err == nil && oid.Valid()
	case snmp.Integer:
		return t, snmp.AppendInt(nil, int64(int32(arcs[0]))), true
	case snmp.Gauge32, snmp.Counter32, snmp.TimeTicks:
		return t, snmp.AppendUint(nil, uint64(arcs[0])), true
	}
	return t, nil, false
}

// FromIndex returns the value of an object that is part of the index of its own row.
func FromIndex(o *mibs.Node, index snmp.OID) (t snmp.Type, value []byte, ok bool) {
	if o.Row == nil {
		return 0, nil, false
	}
	parts := o.CutIndex(index)
	for i, part := range o.Row.Index[:min(len(parts), len(o.Row.Index))] {
		if part.Node != nil && part.Node.OID.Compare(o.OID) == 0 {
			return indexValue(o, parts[i])
		}
	}
	return 0, nil, false
}

// IndexValues returns the values of the objects that an index consists of, each under the name of its object.
func IndexValues(o *mibs.Node, index snmp.OID) (values []snmp.VarBind, objects []*mibs.Node) {
	if o.Row == nil {
		return nil, nil
	}
	parts := o.CutIndex(index)
	for i, part := range o.Row.Index[:min(len(parts), len(o.Row.Index))] {
		if part.Node == nil {
			continue
		}
		if t, value, ok := indexValue(part.Node, parts[i]); ok {
			values, objects = append(values, snmp.VarBind{Name: part.Node.OID, Type: t, Value: value}), append(objects, part.Node)
		}
	}
	return values, objects
}

// TypeName returns the type of a value as rules write it, or "" if they cannot.
func TypeName(t snmp.Type) string {
	for letter, kind := range values {
		if kind.typ == t && typeNames[letter] != "" && letter != 'x' && letter != 'b' {
			return typeNames[letter]
		}
	}
	return ""
}
