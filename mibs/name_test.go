package mibs

import (
	"strings"
	"testing"

	"trapline/internal/snmp"
)

func TestNamesAreResolved(t *testing.T) {
	tree, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"IF-MIB::ifDescr":             "1.3.6.1.2.1.2.2.1.2",
		"ifDescr.3":                   "1.3.6.1.2.1.2.2.1.2.3",
		"ifDescr[3]":                  "1.3.6.1.2.1.2.2.1.2.3",
		".1.3.6.1.2.1.1.1.0":          "1.3.6.1.2.1.1.1.0",
		"1.3":                         "1.3",
		"SNMPv2-SMI::enterprises.9.1": "1.3.6.1.4.1.9.1",
		`TCP-MIB::tcpConnState."0.0.0.0".22."0.0.0.0".0`:           "1.3.6.1.2.1.6.13.1.1.0.0.0.0.22.0.0.0.0.0",
		"tcpConnState.0.0.0.0.22.0.0.0.0.0":                        "1.3.6.1.2.1.6.13.1.1.0.0.0.0.22.0.0.0.0.0",
		`tcpConnectionState.ipv4."127.0.0.1".631.ipv4."0.0.0.0".0`: "1.3.6.1.2.1.6.19.1.7.1.4.127.0.0.1.631.1.4.0.0.0.0.0",
		`tcpConnectionState[ipv6]["::1"][22][ipv4]["10.0.0.1"][1]`: "1.3.6.1.2.1.6.19.1.7.2.16.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.22.1.4.10.0.0.1.1",
		`ipAddressIfIndex.ipv6z."fe80::1%2"`:                       "1.3.6.1.2.1.4.34.1.3.4.20.254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.2",
		`vacmGroupName.3."a.b"`:                                    "1.3.6.1.6.3.16.1.2.1.3.3.3.97.46.98",
		`snmpCommunityName.'hello'`:                                "1.3.6.1.6.3.18.1.1.1.2.104.101.108.108.111",
		"dot1dTpFdbPort.'0:11:22:33:44:ff'":                        "1.3.6.1.2.1.17.4.3.1.2.0.17.34.51.68.255",
		"tcpConnectionState.ipv4":                                  "1.3.6.1.2.1.6.19.1.7.1",
	} {
		i, err := tree.Resolve(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if i.OID().String() != want {
			t.Errorf("%s is %s, want %s", text, i.OID(), want)
			continue
		}
		if back, err := tree.Resolve(i.String()); err != nil || back.OID().String() != want {
			t.Errorf("%s is written %s, and that read as %s: %v", want, i, back.OID(), err)
		}
	}
}

func TestNamesThatDoNotResolve(t *testing.T) {
	tree, err := Load([]string{"IF-MIB", "TCP-MIB", "BRIDGE-MIB"}, Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"ifDescrr":                 `no module defines "ifDescrr"`,
		"NO-MIB::ifDescr":          "there is no module NO-MIB",
		"IF-MIB::sysDescr":         `module IF-MIB does not define "sysDescr": write one of SNMPv2-MIB::sysDescr (1.3.6.1.2.1.1.1)`,
		"ifDescr.eth0":             "eth0 is not a number",
		"ifDescr.":                 "",
		"ifDescr.3..4":             "not",
		`tcpConnState."0.0.0"`:     `"0.0.0" is not an address`,
		`tcpConnState."0.0.0.0`:    "no quotation mark at its end",
		"dot1dTpFdbPort.'0:11:22'": "has 3 octets instead of 6",
		"4.1":                      "the first number is 4",
		"":                         `no module defines ""`,
	} {
		i, err := tree.Resolve(text)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s; it is %v", text, err, want, i)
		}
	}
}

func TestABareNameOfSeveralOIDsIsAnError(t *testing.T) {
	own := texts{
		"A-MIB": "A-MIB DEFINITIONS ::= BEGIN IMPORTS x FROM C-MIB; status OBJECT IDENTIFIER ::= { iso 1 } END",
		"B-MIB": "B-MIB DEFINITIONS ::= BEGIN status OBJECT IDENTIFIER ::= { iso 2 } END",
		"C-MIB": "C-MIB DEFINITIONS ::= BEGIN x OBJECT IDENTIFIER ::= { iso 3 } status OBJECT IDENTIFIER ::= { iso 3 1 } END",
	}
	both, err := Load([]string{"A-MIB", "B-MIB"}, own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both.Resolve("status"); err == nil || err.Error() != `"status" stands for several OIDs: write one of A-MIB::status (1.1), B-MIB::status (1.2)` {
		t.Errorf("error %v", err)
	}
	one, err := Load([]string{"A-MIB"}, own)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := one.Resolve("status"); err != nil || i.Node.Module != "A-MIB" {
		t.Errorf("what is only imported counts as much as what is named: %v %v", i, err)
	}
}

func TestFind(t *testing.T) {
	tree, err := Load([]string{"IF-MIB"}, Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for oid, want := range map[string]string{
		"1.3.6.1.2.1.2.2.1.2.7.8":  "IF-MIB::ifDescr.7.8",
		"1.3.6.1.2.1.2.2.1.2":      "IF-MIB::ifDescr",
		"1.3.6.1.4.1.9.9.1":        "SNMPv2-SMI::enterprises.9.9.1",
		"1.3.6.1.2.1.31.1.1.1.1.4": "IF-MIB::ifName.4",
	} {
		if i := mustResolve(t, tree, oid); i.String() != want {
			t.Errorf("%s is %s, want %s", oid, i, want)
		}
	}
	if _, err := tree.Resolve("2.999.1"); err == nil {
		t.Error("2.999.1 lies below no node")
	}
}

func mustResolve(t *testing.T, tree *Tree, text string) Instance {
	t.Helper()
	i, err := tree.Resolve(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// An instance that has a name in another module is still one of its object.
func TestObjectOfANamedInstance(t *testing.T) {
	tree, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"1.3.6.1.2.1.1.3.0":     "SNMPv2-MIB::sysUpTime.0",
		"1.3.6.1.2.1.2.2.1.2.7": "IF-MIB::ifDescr.7",
		"1.3.6.1.2.1.2":         "IF-MIB::interfaces",
		"1.3.6.1.2.1.1.3":       "SNMPv2-MIB::sysUpTime",
	} {
		if got := tree.Object(snmp.MustParseOID(text)).String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
