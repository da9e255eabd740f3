package catalog

import (
	"testing"

	"trapline/internal/snmp"
	"trapline/mibs"
)

// Values are shown by the enumeration and the DISPLAY-HINT of their object, and octets that are not text in hexadecimal digits.
func TestValuesAsText(t *testing.T) {
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		object string
		kind   snmp.Type
		value  string
		name   string
		want   string
	}{
		{"1.3.6.1.2.1.2.2.1.8.7", snmp.Integer, "\x02", "IF-MIB::ifOperStatus.7", "down(2)"},
		{"1.3.6.1.2.1.2.2.1.8.7", snmp.Integer, "\x63", "IF-MIB::ifOperStatus.7", "99"},
		{"1.3.6.1.2.1.2.2.1.6.7", snmp.OctetString, "\x00\x1b\x2c\x3d\x4e\x5f", "IF-MIB::ifPhysAddress.7", "00:1B:2C:3D:4E:5F"},
		{"1.3.6.1.2.1.1.5.0", snmp.OctetString, "core-1", "SNMPv2-MIB::sysName.0", "core-1"},
		{"1.3.6.1.4.1.99999.1", snmp.OctetString, "\x00\xff", "", "00 FF"},
		{"1.3.6.1.4.1.99999.1", snmp.OctetString, "a\x1b[31m", "", "61 1B 5B 33 31 6D"},
		{"1.3.6.1.2.1.1.3.0", snmp.TimeTicks, "\x27\x10", "", "00:01:40.00 (10000)"},
		{"1.3.6.1.2.1.1.3.0", snmp.TimeTicks, "\x66\xb5\xe0\x95", "", "199 days 10:39:15.41 (1723195541)"},
		{"1.3.6.1.2.1.1.2.0", snmp.ObjectIdentifier, string(snmp.MustParseOID("1.3.6.1.2.1.1.1")), "", "SNMPv2-MIB::sysDescr"},
		{"1.3.6.1.4.1.99999.1", snmp.IPAddress, "\xc0\x00\x02\x01", "", "192.0.2.1"},
		{"1.3.6.1.4.1.99999.1", snmp.IPAddress, "\xc0", "", "C0"},
		{"1.3.6.1.4.1.99999.1", snmp.Integer, "", "", ""},
	} {
		row := NewWalkRow(tree, snmp.VarBind{Name: snmp.MustParseOID(c.object), Type: c.kind, Value: []byte(c.value)})
		if row.Value != c.want || c.name != "" && row.Name != c.name || row.OID != c.object {
			t.Errorf("%+v: want %s, %q", row, c.name, c.want)
		}
	}
}
