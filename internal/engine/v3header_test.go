package engine

import (
	"bytes"
	"testing"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/snmp"
)

// v3Request is a request as gosnmp writes it.
func v3Request(t testing.TB, level gosnmp.SnmpV3MsgFlags, engineID string) []byte {
	t.Helper()
	g := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: level,
		SecurityParameters: &gosnmp.UsmSecurityParameters{
			UserName: "user", AuthoritativeEngineID: engineID, AuthoritativeEngineBoots: 7,
			AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: "authkey1xx",
			PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: "privkey1xx",
		},
	}
	if err := g.SecurityParameters.InitSecurityKeys(); err != nil {
		t.Fatal(err)
	}
	g.SetMsgID(41)
	b, err := g.SnmpEncodePacket(gosnmp.GetRequest, []gosnmp.SnmpPDU{{Name: ".1.3.6.1", Type: gosnmp.Null}}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseV3(t *testing.T) {
	for level, pdu := range map[gosnmp.SnmpV3MsgFlags]snmp.PDUType{
		gosnmp.NoAuthNoPriv: snmp.GetRequest, gosnmp.AuthNoPriv: snmp.GetRequest, gosnmp.AuthPriv: 0,
	} {
		m, err := parseV3(v3Request(t, level, "\x80engine"))
		if err != nil || m.id != 42 || string(m.engineID) != "\x80engine" || m.flags&(flagAuth|flagPriv) != byte(level) || m.pdu != pdu {
			t.Errorf("%v: %+v, %v", level, m, err)
		}
		if pdu != 0 && m.first.String() != "1.3.6.1" {
			t.Errorf("%v: the first name is %s", level, m.first)
		}
	}
}

func FuzzParseV3(f *testing.F) {
	f.Add(v3Request(f, gosnmp.NoAuthNoPriv, ""))
	f.Add(v3Request(f, gosnmp.AuthPriv, "\x80engine"))
	f.Add([]byte{0x30, 6, 2, 1, 3, 2, 1, 0})             // ends in the header
	f.Add([]byte{0x30, 0x83, 0xff, 0xff, 0xff, 2, 1, 3}) // longer than it is
	clear := v3Request(f, gosnmp.NoAuthNoPriv, "")
	f.Add(bytes.Replace(clear, []byte{byte(snmp.GetRequest)}, []byte{0}, 1)) // not encrypted, and yet no PDU
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseV3(b)
		if err == nil && m.flags&flagPriv == 0 && m.pdu == 0 {
			t.Errorf("% x has neither a PDU nor an error", b)
		}
		_ = m.first.String()
	})
}
