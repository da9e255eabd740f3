package varbind

import (
	"bytes"
	"testing"

	"trapline/internal/snmp"
)

func TestValuesOfEveryLetter(t *testing.T) {
	for _, test := range []struct {
		letter, text string
		typ          snmp.Type
		value        []byte
	}{
		{"i", "-5", snmp.Integer, snmp.AppendInt(nil, -5)},
		{"u", "4294967295", snmp.Gauge32, snmp.AppendUint(nil, 1<<32-1)},
		{"c", "128", snmp.Counter32, snmp.AppendUint(nil, 128)},
		{"C", "18446744073709551615", snmp.Counter64, snmp.AppendUint(nil, 1<<64-1)},
		{"t", "12345", snmp.TimeTicks, snmp.AppendUint(nil, 12345)},
		{"a", "192.0.2.1", snmp.IPAddress, []byte{192, 0, 2, 1}},
		{"o", ".1.3.6.1.4.1", snmp.ObjectIdentifier, snmp.MustParseOID("1.3.6.1.4.1")},
		{"s", "text", snmp.OctetString, []byte("text")},
		{"x", "0x00:ff 10", snmp.OctetString, []byte{0, 0xff, 0x10}},
		{"d", "0 255 16", snmp.OctetString, []byte{0, 0xff, 0x10}},
		{"b", "0,9", snmp.OctetString, []byte{0x80, 0x40}},
		{"n", "", snmp.Null, nil},
		{"F", "1.5", snmp.Opaque, []byte{0x9f, 0x78, 4, 0x3f, 0xc0, 0, 0}},
		{"D", "-2.25", snmp.Opaque, []byte{0x9f, 0x79, 8, 0xc0, 2, 0, 0, 0, 0, 0, 0}},
	} {
		list, err := Names(nil).VarBinds([]string{"1.3.6.1.4.1.20408.1", test.letter, test.text})
		if err != nil || list[0].Type != test.typ || !bytes.Equal(list[0].Value, test.value) {
			t.Errorf("%s %q: %v, %v", test.letter, test.text, list, err)
		}
	}
}
