package snmp

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/peers"
)

func linkDown() TrapMessage {
	return TrapMessage{Community: []byte("public"), Trap: Trap{
		Enterprise: MustParseOID("1.3.6.1.4.1.20408.4.1.1.2"), AgentAddress: [4]byte{192, 0, 2, 7},
		Generic: LinkDown, Timestamp: 12345,
		VarBinds: AppendVarBind(nil, VarBind{Name: MustParseOID("1.3.6.1.2.1.2.2.1.1.7"), Type: Integer, Value: []byte{7}}),
	}}
}

func TestTrapsRoundTrip(t *testing.T) {
	for _, change := range []func(*TrapMessage){
		func(*TrapMessage) {},
		func(m *TrapMessage) { m.Generic, m.Specific = EnterpriseSpecific, math.MaxInt32 },
		func(m *TrapMessage) { m.Generic, m.Specific = -1, math.MinInt32 },
		func(m *TrapMessage) { m.Timestamp = math.MaxUint32 },
		func(m *TrapMessage) { m.VarBinds = bytes.Repeat(m.VarBinds, 200) },
		func(m *TrapMessage) { m.Community, m.VarBinds = []byte{}, []byte{} },
	} {
		want := linkDown()
		change(&want)
		got, err := ParseTrap(append(AppendTrap(nil, &want), 0))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v\n%+v\nwant\n%+v", err, got, want)
		}
	}
}

// ParseTrap must decode the traps of snmptrap, and gosnmp must decode those of AppendTrap.
func TestPeersTraps(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peers.NetSNMP(t, "snmptrap", "-v1", "-c", "public", conn.LocalAddr().String(), "1.3.6.1.4.1.20408.4.1.1.2", "192.0.2.7", "2", "0", "12345", "1.3.6.1.2.1.2.2.1.1.7", "i", "7")
	b := make([]byte, 2000)
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	want := linkDown()
	got, err := ParseTrap(b[:n])
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("snmptrap's is %+v, %v", got, err)
	}
	if ours := AppendTrap(nil, &want); !bytes.Equal(ours, b[:n]) {
		t.Errorf("ours is\n% x\nsnmptrap's\n% x", ours, b[:n])
	}
	p, err := unmarshal(&gosnmp.GoSNMP{Version: gosnmp.Version1}, AppendTrap(nil, &want))
	if err != nil || p.Enterprise != "."+want.Enterprise.String() || p.AgentAddress != netip.AddrFrom4(want.AgentAddress).String() ||
		p.GenericTrap != 2 || p.SpecificTrap != 0 || p.Timestamp != 12345 || len(p.Variables) != 1 || p.Variables[0].Value != 7 {
		t.Errorf("gosnmp reads %+v, %v", p, err)
	}
}

func TestMalformedTraps(t *testing.T) {
	m := linkDown()
	sound := AppendTrap(nil, &m)
	for i := range sound {
		if _, err := ParseTrap(sound[:i]); err == nil {
			t.Errorf("%d octets of %d were enough", i, len(sound))
		}
	}
	for want, replace := range map[string][2]string{
		"version 1 is not 0 (SNMPv1)":                            {"\x02\x01\x00\x04\x06public", "\x02\x01\x01\x04\x06public"},
		"PDU: tag 0xa2 where 0xa4 belongs":                       {"\xa4", "\xa2"},
		"enterprise: malformed OID":                              {"\x06\x0c\x2b\x06\x01", "\x06\x0c\x2b\x80\x01"},
		"agent-addr: tag 0x04 where 0x40 belongs":                {"\x40\x04\xc0", "\x04\x04\xc0"},
		"agent-addr: not the four octets of an IpAddress":        {"\x40\x04\xc0\x00\x02\x07", "\x40\x03\xc0\x00\x02\x07"},
		"time-stamp: tag 0x41 where 0x43 belongs":                {"\x43\x02\x30\x39", "\x41\x02\x30\x39"},
		"time-stamp: not a number of the size that belongs here": {"\x43\x02\x30\x39", "\x43\x00\x30\x39"},
		"generic-trap: tag 0x05 where 0x02 belongs":              {"\x02\x01\x02\x02\x01\x00", "\x05\x01\x02\x02\x01\x00"},
		"variable bindings: tag 0x31 where 0x30 belongs":         {"\x39\x30", "\x39\x31"},
	} {
		b := bytes.Replace(sound, []byte(replace[0]), []byte(replace[1]), 1)
		if _, err := ParseTrap(b); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestTrapsDoNotAllocate(t *testing.T) {
	in := linkDown()
	buf := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendTrap(buf[:0], &in)
		if _, err := ParseTrap(buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseTrap(f *testing.F) {
	m := linkDown()
	f.Add(AppendTrap(nil, &m))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseTrap(b)
		if err != nil {
			return
		}
		again, err := ParseTrap(AppendTrap(nil, &m))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
			t.Errorf("%+v reads back as %+v, %v", m, again, err)
		}
	})
}
