package originator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

func text(name, value string) snmp.VarBind {
	return snmp.VarBind{Name: snmp.MustParseOID(name), Type: snmp.OctetString, Value: []byte(value)}
}

func TestTrapsOfSNMPv1(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Handled: true})
	s := newSender(t, receiverAt(t, d.Address, receivertest.Community(1)), nil)
	const tail = " vb=.1.3.6.1.2.1.1.1.0 = STRING: \"my system\""
	descr := text(sysDescr, "my system")
	tests := []struct {
		n            Notification
		logged, trap string
	}{
		{Notification{Trap: receivertest.WarmStart, VarBinds: []snmp.VarBind{{Name: SNMPTrapEnterprise, Type: snmp.ObjectIdentifier, Value: receivertest.Enterprise}}},
			"agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=1 spec=0 ticks=0 vb=.1.3.6.1.6.3.1.1.4.3.0 = OID: .1.3.6.1.4.1.20408.4.1.1.2", "1.3.6.1.6.3.1.1.5.2"},
		{Notification{Trap: receivertest.WarmStart, Uptime: 7}, "agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=1 spec=0 ticks=7 vb=", "1.3.6.1.6.3.1.1.5.2"},
		{Notification{Trap: receivertest.Below("0.432"), Uptime: 12345, Agent: netip.MustParseAddr("192.0.2.7"), VarBinds: []snmp.VarBind{descr}},
			"agent=192.0.2.7 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=12345" + tail, receivertest.Below("0.432").String()},
		{Notification{Trap: receivertest.Below("432"), Uptime: 1 << 31, VarBinds: []snmp.VarBind{descr}},
			"agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=2147483648" + tail, receivertest.Below("0.432").String()},
	}
	for i, test := range tests {
		trap(t, s, &test.n)
		if got, want := receivertest.Sourceless(d.AwaitReceived(t, i+1)[i]), "v=0 user=public "+test.logged; got != want {
			t.Errorf("%s is logged as\n%s\nwant\n%s", test.n.Trap, got, want)
		}
		if got := d.AwaitHandled(t, i+1)[i]; !strings.Contains(got, "\n.1.3.6.1.6.3.1.1.4.1.0 ."+test.trap+"\n") {
			t.Errorf("%s is handled as\n%s\nwant snmpTrapOID %s", test.n.Trap, got, test.trap)
		}
	}
	if d.Address6 != "" {
		six := newSender(t, receiverAt(t, "udp6:"+d.Address6, receivertest.Community(1)), nil)
		trap(t, six, &tests[1].n)
		if got := d.AwaitReceived(t, len(tests)+1)[len(tests)]; !strings.Contains(got, "agent=0.0.0.0 ") {
			t.Errorf("over IPv6: %s", got)
		}
	}
}

func TestWhatSNMPv1CannotCarry(t *testing.T) {
	sink := receivertest.ListenUDP(t)
	s := newSender(t, receiverAt(t, sink.LocalAddr().String(), receivertest.Community(1)), nil)
	err := s.Trap(t.Context(), &Notification{Trap: receivertest.WarmStart, VarBinds: []snmp.VarBind{{Name: snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.6.1"), Type: snmp.Counter64, Value: []byte{1}}}})
	if !errors.As(err, new(*Counter64Error)) || !strings.Contains(err.Error(), "1.3.6.1.2.1.31.1.1.1.6.1 is a Counter64") {
		t.Errorf("a Counter64: %v", err)
	}
	if err := s.Trap(t.Context(), &Notification{Trap: receivertest.Below("0.4294967295")}); err == nil || !strings.Contains(err.Error(), "beyond 2147483647") {
		t.Errorf("a large number: %v", err)
	}
	if _, err := s.Inform(t.Context(), &Notification{Trap: receivertest.WarmStart}); err == nil || !strings.Contains(err.Error(), "SNMPv1 has no informs") {
		t.Errorf("an inform: %v", err)
	}
	trap(t, s, &Notification{Trap: receivertest.WarmStart})
	if m, err := snmp.ParseTrap(receivertest.Receive(t, sink)); err != nil || m.Generic != snmp.WarmStart {
		t.Errorf("what came first is %v, %v", m, err)
	}
}

// everyType has a value of each type, and how snmptrapd prints it.
var everyType = []struct {
	typ     snmp.Type
	value   []byte
	printed string
}{
	{snmp.Integer, snmp.AppendInt(nil, -5), "INTEGER: -5"},
	{snmp.Integer, snmp.AppendInt(nil, math.MaxInt32), "INTEGER: 2147483647"},
	{snmp.Gauge32, snmp.AppendUint(nil, math.MaxUint32), "Gauge32: 4294967295"},
	{snmp.Counter32, snmp.AppendUint(nil, 128), "Counter32: 128"},
	{snmp.Counter64, snmp.AppendUint(nil, math.MaxUint64), "Counter64: 18446744073709551615"},
	{snmp.TimeTicks, snmp.AppendUint(nil, 12345), "12345"},
	{snmp.IPAddress, []byte{192, 0, 2, 1}, "IpAddress: 192.0.2.1"},
	{snmp.ObjectIdentifier, snmp.MustParseOID("1.3.6.1.4.1"), "OID: .1.3.6.1.4.1"},
	{snmp.OctetString, []byte("text"), `STRING: "text"`},
	{snmp.OctetString, []byte{0, 0xff, 0x10}, "Hex-STRING: 00 FF 10"},
	{snmp.Null, nil, "NULL"},
	{snmp.Opaque, []byte{0x9f, 0x78, 4, 0x3f, 0xc0, 0, 0}, "Opaque: Float: 1.500000"},
	{snmp.Opaque, []byte{0x9f, 0x79, 8, 0xc0, 2, 0, 0, 0, 0, 0, 0}, "Opaque: Float: -2.250000"},
}

func everyVarBind() (list []snmp.VarBind, printed string) {
	for i, v := range everyType {
		name := receivertest.Below(fmt.Sprint(i + 1))
		list = append(list, snmp.VarBind{Name: name, Type: v.typ, Value: v.value})
		printed += fmt.Sprintf("|~|.%s = %s", name, v.printed)
	}
	return list, printed
}

func TestTrapsAndInformsCarryEveryType(t *testing.T) {
	identity := newIdentity(t)
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", identity.ID)})
	list, printed := everyVarBind()
	n := &Notification{Trap: receivertest.Below("0.432"), Uptime: 12345, VarBinds: list}
	const begin = "vb=.1.3.6.1.2.1.1.3.0 = 12345|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.4.1.20408.4.1.1.2.0.432"
	s := newSender(t, receiverAt(t, d.Address, receivertest.Community(2)), identity)
	trap(t, s, n)
	d.AwaitReceived(t, 1)
	receipt, err := s.Inform(t.Context(), n)
	if err != nil || receipt.Sent != 1 || receipt.RTT <= 0 || len(receipt.Reports) > 0 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	received := d.AwaitReceived(t, 2)
	for i, kind := range []string{"TRAP2", "INFORM"} {
		want := "v=1 user=public sec=" + kind + ", SNMP v2c, community public " + begin + printed
		if got := strings.ReplaceAll(receivertest.Sourceless(received[i]), " |~|", "|~|"); got != want {
			t.Errorf("%s is logged as\n%s\nwant\n%s", kind, got, want)
		}
	}
}

// Each pair of protocols, as a trap by our engine's keys and as an inform by the receiver's.
func TestTrapsAndInformsOfAllUsers(t *testing.T) {
	identity := newIdentity(t)
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", identity.ID), Users: peers.Users()})
	n := &Notification{Trap: receivertest.WarmStart, Uptime: 1}
	addresses := []string{d.Address}
	if d.Address6 != "" {
		addresses = append(addresses, "udp6:"+d.Address6)
	}
	count := 0
	for _, u := range peers.Users() {
		for _, address := range addresses {
			r := receiverAt(t, address, receivertest.Credentials(u))
			r.Context = "my-context"
			s := newSender(t, r, identity)
			trap(t, s, n)
			d.AwaitReceived(t, count+1)
			if receipt, err := s.Inform(t.Context(), n); err != nil || receipt.Sent != 1 {
				t.Errorf("%s: %+v, %v", u.Name, receipt, err)
			}
			received := d.AwaitReceived(t, count+2)
			for _, kind := range []string{"TRAP2", "INFORM"} {
				want := fmt.Sprintf("v=3 user=%s sec=%s, SNMP v3, user %[1]s, context my-context vb=.1.3.6.1.2.1.1.3.0 = 1|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.6.3.1.1.5.2", u.Name, kind)
				if got := receivertest.Sourceless(received[count]); got != want {
					t.Errorf("to %s, logged as\n%s\nwant\n%s", address, got, want)
				}
				count++
			}
		}
	}
}

func TestPySNMPAgreesAboutContextLevelAndTypes(t *testing.T) {
	identity := newIdentity(t)
	ours := fmt.Sprintf("0x%x", identity.ID)
	p := peers.StartPyrecv(t, ours[2:])
	list, _ := everyVarBind()
	list = slices.DeleteFunc(list, func(v snmp.VarBind) bool { return v.Type == snmp.Opaque || v.Type == snmp.Null })
	list = append(list, text(sysDescr, "zwei\nZeilen, größer"))
	types := "TimeTicks ObjectIdentifier Integer Integer Gauge32 Counter32 Counter64 TimeTicks IpAddress ObjectIdentifier" +
		strings.Repeat(" OctetString", 3)
	count := 0
	for name, level := range map[string]int{"usr-none-none": 1, "usr-sha512-aes256": 3, peers.TripleDESUser.Name: 3} {
		users := append(peers.UsualUsers(), peers.TripleDESUser)
		i := slices.IndexFunc(users, func(u peers.User) bool { return u.Name == name })
		r := receiverAt(t, p.Address, receivertest.Credentials(users[i]))
		r.Context = "my-context"
		s := newSender(t, r, identity)
		n := &Notification{Trap: receivertest.Below("0.1"), VarBinds: list}
		trap(t, s, n)
		p.AwaitReceived(t, count+1)
		if _, err := s.Inform(t.Context(), n); err != nil {
			t.Error(err)
		}
		count += 2
		for at, got := range p.AwaitReceived(t, count)[count-2:] {
			var have []string
			for _, v := range got.VarBinds {
				have = append(have, v[1])
			}
			pdu := []string{"SNMPv2TrapPDU", "InformRequestPDU"}[at]
			if got.PDU != pdu || got.Level != level || got.Name != name || got.ContextEngineID != ours || got.ContextName != "my-context" || strings.Join(have, " ") != types {
				t.Errorf("want %s at level %d with %s, got %+v", pdu, level, ours, got)
			}
		}
	}
}

// A restarted receiver must be discovered again, with its persistent state and without, which makes
// it another engine.
func TestReceiversThatRestart(t *testing.T) {
	identity := newIdentity(t)
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	s := newSender(t, receiverAt(t, d.Address, receivertest.Credentials(peers.UsualUsers()[2])), identity)
	n := &Notification{Trap: receivertest.WarmStart}
	for _, test := range []struct {
		name    string
		before  func()
		reports []snmp.ReportKind
	}{
		{"first", func() {}, nil},
		{"again", func() {}, nil},
		{"restarted", func() { d.Process.Stop(); d.Start(t) }, []snmp.ReportKind{snmp.NotInTimeWindow}},
		{"replaced", func() { d.Process.Stop(); d.Wipe(t); d.Start(t) }, []snmp.ReportKind{snmp.UnknownEngineID}},
	} {
		test.before()
		receipt, err := s.Inform(t.Context(), n)
		if err != nil || !slices.Equal(receipt.Reports, test.reports) || receipt.Sent != 1+len(test.reports) {
			t.Errorf("%s: %+v, %v", test.name, receipt, err)
		}
	}
}

func TestInformsThatAreRefused(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	identity := newIdentity(t)
	good := receivertest.Credentials(peers.UsualUsers()[2])
	with := func(change func(*access.Auth)) access.Auth {
		a := good
		change(&a)
		return a
	}
	closed, _ := peers.FreeUDPAddresses(t)
	for _, test := range []struct {
		name, address string
		auth          access.Auth
		reason        access.Reason
		text          string
	}{
		{"unknown user", d.Address, with(func(a *access.Auth) { a.Username = "nobody" }), access.UnknownUser, snmp.UnknownUserName.Error()},
		{"wrong password", d.Address, with(func(a *access.Auth) { a.Password = "another one" }), access.WrongDigest, snmp.WrongDigest.Error()},
		{"another engine", d.Address, with(func(a *access.Auth) { a.EngineID = "8000000001020304" }), access.UnknownEngine, snmp.UnknownEngineID.Error()},
		{"level too low", d.Address, with(func(a *access.Auth) { a.SecurityLevel = access.AuthNoPriv }), access.Timeout, "not acknowledged: sent "},
		{"wrong community", d.Address, with(func(a *access.Auth) { *a = receivertest.Community(2); a.Community = "other" }), access.Timeout, "not acknowledged: sent 4 times, 200ms apart"},
		{"nobody listens", closed, receivertest.Community(2), access.Refused, "connection refused: nothing listens on UDP port "},
		{"no such name", "nowhere.invalid", receivertest.Community(2), access.Resolve, "nowhere.invalid"},
	} {
		r := receiverAt(t, test.address, test.auth)
		if test.reason == access.Timeout {
			r.Timeout, r.Retries = 200*time.Millisecond, 3 // the discovery may take more than one
		}
		_, err := newSender(t, r, identity).Inform(t.Context(), &Notification{Trap: receivertest.WarmStart})
		var e *Error
		if !errors.As(err, &e) || e.Reason != test.reason || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if got := d.Received(); len(got) > 0 {
		t.Errorf("received %q", got)
	}
}

func TestInformEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sink := receivertest.ListenUDP(t)
	r := receiverAt(t, sink.LocalAddr().String(), receivertest.Community(2))
	r.Timeout = time.Hour
	ended := make(chan error)
	go func() {
		_, err := newSender(t, r, nil).Inform(ctx, &Notification{Trap: receivertest.WarmStart})
		ended <- err
	}()
	receivertest.Receive(t, sink)
	cancel()
	var e *Error
	if err := <-ended; !errors.As(err, &e) || e.Reason != access.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
