package snmp

import "testing"

func TestDescribeEngineID(t *testing.T) {
	for id, want := range map[string]string{
		labEngine:                            `enterprise 8072 (Net-SNMP), text "snmpd-test"`,
		"80001f888033f8a87919ef056b00000000": "enterprise 8072 (Net-SNMP), drawn at random 33f8a87919ef056b00000000",
		"8000000901c0000207":                 "enterprise 9, address 192.0.2.7",
		"80000009022001" + "0db8000000000000000000000007": "enterprise 9, address 2001:db8::7",
		"8000000903001b213c9df8":                          "enterprise 9, MAC address 00:1b:21:3c:9d:f8",
		"80000009030a0b":                                  "enterprise 9, format 3, octets 0a0b",
		"8000000904":                                      `enterprise 9, text ""`,
		"8000000904ff0a":                                  `enterprise 9, text "\xff\n"`,
		"8000000905010203":                                "enterprise 9, octets 010203",
		"8000000980010203":                                "enterprise 9, format 128, octets 010203",
		rfcEngine:                                         "enterprise 0, octets 0000000000000002",
		"800000":                                          "an engine ID has 5 to 32 octets, not 3",
	} {
		if got := DescribeEngineID(unhex(id)); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}
