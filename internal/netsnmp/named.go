package netsnmp

import (
	"fmt"
	"strings"
	"unicode"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/hint"
)

// NamedLine prints a varbind as Net-SNMP's commands do with the MIBs at hand.
func NamedLine(t *mibs.Tree, v snmp.VarBind) string {
	i := t.Object(v.Name)
	if i.Node == nil {
		return NumericLine(v)
	}
	return i.String() + " = " + namedValue(t, i.Node, v)
}

func namedValue(t *mibs.Tree, n *mibs.Node, v snmp.VarBind) string {
	text := ValueText(v)
	switch v.Type {
	case snmp.Integer:
		number, err := v.Int()
		for _, l := range n.Syntax.Labels {
			if err == nil && l.Number == number {
				return fmt.Sprintf("INTEGER: %s(%d)", l.Name, number)
			}
		}
	case snmp.ObjectIdentifier:
		if i := t.Find(v.Value); i.Node != nil {
			return "OID: " + i.String()
		}
	case snmp.OctetString:
		if h, err := hint.Parse(n.Syntax.Hint); err == nil && n.Syntax.Hint != "" {
			if shown, ok := h.AppendText(nil, v.Value); ok || len(v.Value) == 0 {
				return "STRING: " + strings.Map(printable, string(shown))
			}
		}
	}
	if n.Units != "" && v.Type.HasValue() {
		text += " " + n.Units
	}
	return text
}

// printable returns a dot for a character that a terminal might take for a command.
func printable(r rune) rune {
	if unicode.IsPrint(r) || unicode.IsSpace(r) {
		return r
	}
	return '.'
}
