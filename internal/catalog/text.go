package catalog

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/hint"
	"trapline/mibs/smi"
)

// IntegerText returns up(1) where the object has a name for the number.
func IntegerText(n *mibs.Node, number int64) string {
	if n != nil {
		for _, l := range n.Syntax.Labels {
			if l.Number == number {
				return fmt.Sprintf("%s(%d)", l.Name, number)
			}
		}
	}
	return withUnits(n, fmt.Sprint(number))
}

func withUnits(n *mibs.Node, text string) string {
	if n != nil && n.Units != "" {
		return text + " " + n.Units
	}
	return text
}

// ticksText returns hundredths of a second as days and the time of day.
func ticksText(ticks uint64) string {
	seconds := ticks / 100
	text := fmt.Sprintf("%02d:%02d:%02d.%02d", seconds/3600%24, seconds/60%60, seconds%60, ticks%100)
	if days := seconds / 86400; days > 0 {
		text = human.Count(int(days), "day", "days") + " " + text
	}
	return fmt.Sprintf("%s (%d)", text, ticks)
}

func addressText(octets []byte) string {
	if a, ok := netip.AddrFromSlice(octets); ok {
		return a.String()
	}
	return hexText(octets)
}

// octetsText returns octets by the DISPLAY-HINT of their object, else as they are if they are text, else in
// hexadecimal digits.
func octetsText(n *mibs.Node, octets []byte) string {
	if n != nil && n.Syntax.Hint != "" {
		if h, err := hint.Parse(n.Syntax.Hint); err == nil {
			if text, ok := h.AppendText(nil, octets); ok && utf8.Valid(text) {
				return string(text)
			}
		}
	}
	if n != nil && n.Syntax.Type == smi.Bits {
		return bitsText(n, octets)
	}
	if !utf8.Valid(octets) || strings.ContainsFunc(string(octets), unprintable) {
		return hexText(octets)
	}
	return string(octets)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }

// bitsText lists the bits that are set; bit 0 is the highest of the first octet (RFC 2578 section 7.1.4).
func bitsText(n *mibs.Node, octets []byte) string {
	var names []string
	for bit := range int64(len(octets)) * 8 {
		if octets[bit/8]&(128>>(bit%8)) != 0 {
			names = append(names, IntegerText(n, bit))
		}
	}
	return strings.Join(names, ", ")
}

func hexText(octets []byte) string { return fmt.Sprintf("% X", octets) }

// NewWalkRow returns a binding as name, type and text, by the MIBs.
func NewWalkRow(t *mibs.Tree, v snmp.VarBind) api.WalkRow {
	row := api.WalkRow{OID: v.Name.String(), Type: v.Type.String()}
	row.Name = row.OID
	i := t.Object(v.Name)
	if i.Node != nil {
		row.Name = i.String()
	}
	row.Value = ValueText(t, i.Node, v)
	return row
}

// ValueText returns a value as text; n, which may be nil, is its object.
func ValueText(t *mibs.Tree, n *mibs.Node, v snmp.VarBind) string {
	switch v.Type {
	case snmp.Integer:
		number, err := v.Int()
		if err != nil {
			break
		}
		return IntegerText(n, number)
	case snmp.Counter32, snmp.Gauge32, snmp.Counter64, snmp.Uinteger32:
		if number, err := v.Uint(); err == nil {
			return withUnits(n, fmt.Sprint(number))
		}
	case snmp.TimeTicks:
		if ticks, err := v.Uint(); err == nil {
			return ticksText(ticks)
		}
	case snmp.ObjectIdentifier:
		if i := t.Find(v.Value); i.Node != nil {
			return i.String()
		}
		return snmp.OID(v.Value).String()
	case snmp.IPAddress:
		return addressText(v.Value)
	case snmp.Opaque:
		if number, err := v.Float(); err == nil {
			return fmt.Sprint(number)
		}
	case snmp.OctetString:
		return octetsText(n, v.Value)
	}
	return hexText(v.Value)
}
