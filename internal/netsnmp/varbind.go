package netsnmp

import (
	"fmt"
	"net/netip"
	"strings"

	"trapline/internal/snmp"
)

// NumericLine prints a varbind as Net-SNMP's commands do with -On and no MIBs.
func NumericLine(v snmp.VarBind) string {
	return fmt.Sprintf(".%s = %s", v.Name, ValueText(v))
}

// ValueText returns the type and the value of a variable binding, without the MIBs.
func ValueText(v snmp.VarBind) string {
	switch v.Type {
	case snmp.NoSuchObject:
		return "No Such Object available on this agent at this OID"
	case snmp.NoSuchInstance:
		return "No Such Instance currently exists at this OID"
	case snmp.EndOfMibView:
		return "No more variables left in this MIB View (It is past the end of the MIB tree)"
	case snmp.Null:
		return "NULL"
	case snmp.Integer:
		i, err := v.Int()
		return orHex(v, err, "INTEGER: %d", i)
	case snmp.Counter32, snmp.Gauge32, snmp.Counter64, snmp.Uinteger32:
		u, err := v.Uint()
		return orHex(v, err, v.Type.String()+": %d", u)
	case snmp.TimeTicks:
		u, err := v.Uint()
		return orHex(v, err, "Timeticks: (%d) %s", u, clock(u))
	case snmp.ObjectIdentifier:
		return "OID: ." + snmp.OID(v.Value).String()
	case snmp.IPAddress:
		a, _ := netip.AddrFromSlice(v.Value)
		return "IpAddress: " + a.String()
	case snmp.OctetString:
		return octetsText(v.Value)
	case snmp.Opaque:
		if f, err := v.Float(); err == nil {
			return fmt.Sprintf("Opaque: Float: %f", f)
		}
		return fmt.Sprintf("OPAQUE: % X", v.Value)
	}
	return fmt.Sprintf("%s: % X", v.Type, v.Value)
}

func orHex(v snmp.VarBind, err error, format string, args ...any) string {
	if err != nil {
		return fmt.Sprintf("%s: % X", v.Type, v.Value)
	}
	return fmt.Sprintf(format, args...)
}

func octetsText(b []byte) string {
	if len(b) == 0 {
		return `""`
	}
	for _, c := range b {
		if (c < ' ' && (c < '\t' || c > '\r')) || c > '~' {
			return fmt.Sprintf("Hex-STRING: % X", b)
		}
	}
	return `STRING: "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(b)) + `"`
}

// clock prints hundredths of a second as Net-SNMP does.
func clock(ticks uint64) string {
	seconds := ticks / 100
	text := fmt.Sprintf("%d:%02d:%02d.%02d", seconds/3600%24, seconds/60%60, seconds%60, ticks%100)
	switch days := seconds / 86400; days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	default:
		return fmt.Sprintf("%d days, %s", days, text)
	}
}
