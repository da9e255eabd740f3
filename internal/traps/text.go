package traps

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/hint"
	"trapline/mibs/smi"
)

var errNoTrapOID = errors.New("the notification has no snmpTrapOID.0")

// nameOf returns the name of an instance without its module, and its object; without MIBs the OID, and nil.
func nameOf(t *mibs.Tree, oid snmp.OID) (string, *mibs.Node) {
	if t != nil {
		if i := t.Object(oid); i.Node != nil && (i.Node.Kind == smi.Scalar || i.Node.Kind == smi.Column) {
			return i.Short(), i.Node
		}
	}
	return oid.String(), nil
}

// valueText returns a value as text: an enumeration by its name, octets by their DISPLAY-HINT. The object may be nil.
func valueText(t *mibs.Tree, object *mibs.Node, v snmp.VarBind) string {
	switch v.Type {
	case snmp.Integer:
		if number, err := v.Int(); err == nil {
			if name := labelOf(object, number); name != "" {
				return name
			}
			return strconv.FormatInt(number, 10)
		}
	case snmp.ObjectIdentifier:
		if t != nil {
			if i := t.Find(v.Value); i.Node != nil {
				return i.Short()
			}
		}
	case snmp.OctetString:
		return octetsText(object, v.Value)
	}
	return plainText(v)
}

// plainText returns a value as text without MIBs.
func plainText(v snmp.VarBind) string {
	switch v.Type {
	case snmp.Integer:
		if number, err := v.Int(); err == nil {
			return strconv.FormatInt(number, 10)
		}
	case snmp.Counter32, snmp.Gauge32, snmp.Counter64, snmp.Uinteger32, snmp.TimeTicks:
		if number, err := v.Uint(); err == nil {
			return strconv.FormatUint(number, 10)
		}
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).String()
	case snmp.IPAddress:
		if a, ok := netip.AddrFromSlice(v.Value); ok {
			return a.String()
		}
	case snmp.Opaque:
		if number, err := v.Float(); err == nil {
			return fmt.Sprint(number)
		}
	case snmp.OctetString:
		return octetsText(nil, v.Value)
	}
	return fmt.Sprintf("% X", v.Value)
}

func labelOf(object *mibs.Node, number int64) string {
	if object != nil && object.Syntax != nil {
		for _, l := range object.Syntax.Labels {
			if l.Number == number {
				return l.Name
			}
		}
	}
	return ""
}

func octetsText(object *mibs.Node, octets []byte) string {
	if object != nil && object.Syntax != nil && object.Syntax.Hint != "" {
		if h, err := hint.Parse(object.Syntax.Hint); err == nil {
			if text, ok := h.AppendText(nil, octets); ok && utf8.Valid(text) {
				return string(text)
			}
		}
	}
	if !utf8.Valid(octets) || strings.ContainsFunc(string(octets), unprintable) {
		return fmt.Sprintf("% X", octets)
	}
	return string(octets)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }
