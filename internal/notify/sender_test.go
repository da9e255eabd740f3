package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

var (
	warmStart  = snmp.MustParseOID("1.3.6.1.6.3.1.1.5.2")
	enterprise = snmp.MustParseOID("1.3.6.1.4.1.20408.4.1.1.2")
	sysDescr   = "1.3.6.1.2.1.1.1.0"
)

// below is an OID below enterprise.
func below(tail string) snmp.OID { return snmp.MustParseOID(enterprise.String() + "." + tail) }

func community(version int) access.Auth {
	a := access.DefaultAuth()
	a.Version = access.Version(version)
	return a
}

// authOf is the user as a configuration has it.
func authOf(u peers.User) access.Auth {
	a := access.Auth{Version: 3, Username: u.Name, SecurityLevel: access.NoAuthNoPriv, AuthProtocol: u.Auth, PrivProtocol: u.Priv}
	if u.Auth != "" {
		a.SecurityLevel, a.Password = access.AuthNoPriv, setting.Secret(peers.AuthPassphrase)
	}
	if u.Priv != "" {
		a.SecurityLevel, a.PrivPassword = access.AuthPriv, setting.Secret(peers.PrivPassphrase)
	}
	return a
}

// receiverAt is a receiver that answers, however busy the machine is: it is asked once. Tests of others say so.
func receiverAt(t testing.TB, address string, a access.Auth) Receiver {
	t.Helper()
	if m := a.Problems(); len(m) > 0 {
		t.Fatal(m)
	}
	p, err := a.Principal()
	if err != nil {
		t.Fatal(err)
	}
	to, err := access.ParseReceiver(address)
	if err != nil {
		t.Fatal(err)
	}
	return Receiver{Address: to, Principal: p, Timeout: time.Minute}
}

func newSender(t testing.TB, r Receiver, identity *Identity) *Sender {
	t.Helper()
	s, err := NewSender(r, identity)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openState(t testing.TB, dir string) *State {
	t.Helper()
	s, err := Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func trap(t testing.TB, s *Sender, n *Notification) {
	t.Helper()
	if err := s.Trap(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func binding(t testing.TB, name, letter, text string) snmp.VarBind {
	t.Helper()
	v, err := ParseValue(snmp.MustParseOID(name), letter, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sourceless is a line of snmptrapd's log without the address that the notification came from.
func sourceless(line string) string {
	before, after, _ := strings.Cut(line, " src=")
	_, after, _ = strings.Cut(after, " user=")
	return before + " user=" + after
}

func TestTrapsOfSNMPv1(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Handled: true})
	s := newSender(t, receiverAt(t, d.Address, community(1)), nil)
	const tail = " vb=.1.3.6.1.2.1.1.1.0 = STRING: \"my system\""
	descr := binding(t, sysDescr, "s", "my system")
	tests := []struct {
		n            Notification
		logged, trap string
	}{
		{Notification{Trap: warmStart, VarBinds: []snmp.VarBind{{Name: snmpTrapEnterprise, Type: snmp.ObjectIdentifier, Value: enterprise}}},
			"agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=1 spec=0 ticks=0 vb=.1.3.6.1.6.3.1.1.4.3.0 = OID: .1.3.6.1.4.1.20408.4.1.1.2", "1.3.6.1.6.3.1.1.5.2"},
		{Notification{Trap: warmStart, Uptime: 7}, "agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=1 spec=0 ticks=7 vb=", "1.3.6.1.6.3.1.1.5.2"},
		{Notification{Trap: below("0.432"), Uptime: 12345, Agent: netip.MustParseAddr("192.0.2.7"), VarBinds: []snmp.VarBind{descr}},
			"agent=192.0.2.7 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=12345" + tail, below("0.432").String()},
		{Notification{Trap: below("432"), Uptime: 1 << 31, VarBinds: []snmp.VarBind{descr}},
			"agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=2147483648" + tail, below("0.432").String()},
	}
	for i, test := range tests {
		trap(t, s, &test.n)
		if got, want := sourceless(d.AwaitReceived(t, i+1)[i]), "v=0 user=public "+test.logged; got != want {
			t.Errorf("%s is logged as\n%s\nwant\n%s", test.n.Trap, got, want)
		}
		if got := d.AwaitHandled(t, i+1)[i]; !strings.Contains(got, "\n.1.3.6.1.6.3.1.1.4.1.0 ."+test.trap+"\n") {
			t.Errorf("%s is handled as\n%s\nwant snmpTrapOID %s", test.n.Trap, got, test.trap)
		}
	}
	if d.Address6 != "" {
		six := newSender(t, receiverAt(t, "udp6:"+d.Address6, community(1)), nil)
		trap(t, six, &tests[1].n)
		if got := d.AwaitReceived(t, len(tests)+1)[len(tests)]; !strings.Contains(got, "agent=0.0.0.0 ") {
			t.Errorf("over IPv6: %s", got)
		}
	}
}

func TestWhatSNMPv1CannotCarry(t *testing.T) {
	sink := listenUDP(t)
	s := newSender(t, receiverAt(t, sink.LocalAddr().String(), community(1)), nil)
	err := s.Trap(t.Context(), &Notification{Trap: warmStart, VarBinds: []snmp.VarBind{binding(t, "1.3.6.1.2.1.31.1.1.1.6.1", "C", "1")}})
	if !errors.As(err, new(*Counter64Error)) || !strings.Contains(err.Error(), "1.3.6.1.2.1.31.1.1.1.6.1 is a Counter64") {
		t.Errorf("a Counter64: %v", err)
	}
	if err := s.Trap(t.Context(), &Notification{Trap: below("0.4294967295")}); err == nil || !strings.Contains(err.Error(), "beyond 2147483647") {
		t.Errorf("a large number: %v", err)
	}
	if _, err := s.Inform(t.Context(), &Notification{Trap: warmStart}); err == nil || !strings.Contains(err.Error(), "SNMPv1 has no informs") {
		t.Errorf("an inform: %v", err)
	}
	trap(t, s, &Notification{Trap: warmStart})
	if m, err := snmp.ParseTrap(receive(t, sink)); err != nil || m.Generic != snmp.WarmStart {
		t.Errorf("what came first is %v, %v", m, err)
	}
}

func listenUDP(t testing.TB) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t testing.TB, c net.PacketConn) []byte {
	t.Helper()
	b := make([]byte, maxMessage)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// everyType has a variable binding of each type, and how snmptrapd prints it.
var everyType = []struct{ letter, text, printed string }{
	{"i", "-5", "INTEGER: -5"},
	{"i", "2147483647", "INTEGER: 2147483647"},
	{"u", "4294967295", "Gauge32: 4294967295"},
	{"c", "128", "Counter32: 128"},
	{"C", "18446744073709551615", "Counter64: 18446744073709551615"},
	{"t", "12345", "12345"},
	{"a", "192.0.2.1", "IpAddress: 192.0.2.1"},
	{"o", ".1.3.6.1.4.1", "OID: .1.3.6.1.4.1"},
	{"s", "text", `STRING: "text"`},
	{"x", "0x00:ff 10", "Hex-STRING: 00 FF 10"},
	{"d", "0 255 16", "Hex-STRING: 00 FF 10"},
	{"b", "0,9", "Hex-STRING: 80 40"},
	{"n", "", "NULL"},
	{"F", "1.5", "Opaque: Float: 1.500000"},
	{"D", "-2.25", "Opaque: Float: -2.250000"},
}

func everyVarBind(t testing.TB) (list []snmp.VarBind, printed string) {
	for i, v := range everyType {
		name := below(fmt.Sprint(i + 1))
		list = append(list, binding(t, name.String(), v.letter, v.text))
		printed += fmt.Sprintf("|~|.%s = %s", name, v.printed)
	}
	return list, printed
}

func TestTrapsAndInformsCarryEveryType(t *testing.T) {
	state := openState(t, t.TempDir())
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", state.Identity.ID)})
	list, printed := everyVarBind(t)
	n := &Notification{Trap: below("0.432"), Uptime: 12345, VarBinds: list}
	const begin = "vb=.1.3.6.1.2.1.1.3.0 = 12345|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.4.1.20408.4.1.1.2.0.432"
	s := newSender(t, receiverAt(t, d.Address, community(2)), state.Identity)
	trap(t, s, n)
	d.AwaitReceived(t, 1)
	receipt, err := s.Inform(t.Context(), n)
	if err != nil || receipt.Sent != 1 || receipt.RTT <= 0 || len(receipt.Reports) > 0 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	received := d.AwaitReceived(t, 2)
	for i, kind := range []string{"TRAP2", "INFORM"} {
		want := "v=1 user=public sec=" + kind + ", SNMP v2c, community public " + begin + printed
		if got := strings.ReplaceAll(sourceless(received[i]), " |~|", "|~|"); got != want {
			t.Errorf("%s is logged as\n%s\nwant\n%s", kind, got, want)
		}
	}
}

// Each pair of protocols, as a trap by our engine's keys and as an inform by the receiver's.
func TestTrapsAndInformsOfAllUsers(t *testing.T) {
	state := openState(t, t.TempDir())
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", state.Identity.ID), Users: peers.Users()})
	n := &Notification{Trap: warmStart, Uptime: 1}
	addresses := []string{d.Address}
	if d.Address6 != "" {
		addresses = append(addresses, "udp6:"+d.Address6)
	}
	count := 0
	for _, u := range peers.Users() {
		for _, address := range addresses {
			r := receiverAt(t, address, authOf(u))
			r.Context = "my-context"
			s := newSender(t, r, state.Identity)
			trap(t, s, n)
			d.AwaitReceived(t, count+1)
			if receipt, err := s.Inform(t.Context(), n); err != nil || receipt.Sent != 1 {
				t.Errorf("%s: %+v, %v", u.Name, receipt, err)
			}
			received := d.AwaitReceived(t, count+2)
			for _, kind := range []string{"TRAP2", "INFORM"} {
				want := fmt.Sprintf("v=3 user=%s sec=%s, SNMP v3, user %[1]s, context my-context vb=.1.3.6.1.2.1.1.3.0 = 1|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.6.3.1.1.5.2", u.Name, kind)
				if got := sourceless(received[count]); got != want {
					t.Errorf("to %s, logged as\n%s\nwant\n%s", address, got, want)
				}
				count++
			}
		}
	}
}

func TestPySNMPAgreesAboutContextLevelAndTypes(t *testing.T) {
	state := openState(t, t.TempDir())
	ours := fmt.Sprintf("0x%x", state.Identity.ID)
	p := peers.StartPyrecv(t, ours[2:])
	list, _ := everyVarBind(t)
	list = slices.DeleteFunc(list, func(v snmp.VarBind) bool { return v.Type == snmp.Opaque || v.Type == snmp.Null })
	list = append(list, binding(t, sysDescr, "s", "zwei\nZeilen, größer"))
	types := "TimeTicks ObjectIdentifier Integer Integer Gauge32 Counter32 Counter64 TimeTicks IpAddress ObjectIdentifier" +
		strings.Repeat(" OctetString", 5)
	count := 0
	for name, level := range map[string]int{"usr-none-none": 1, "usr-sha512-aes256": 3, peers.TripleDESUser.Name: 3} {
		users := append(peers.UsualUsers(), peers.TripleDESUser)
		i := slices.IndexFunc(users, func(u peers.User) bool { return u.Name == name })
		r := receiverAt(t, p.Address, authOf(users[i]))
		r.Context = "my-context"
		s := newSender(t, r, state.Identity)
		n := &Notification{Trap: below("0.1"), VarBinds: list}
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

// A receiver that comes back is found again: with what it remembered, and without, which makes it
// another engine.
func TestReceiversThatRestart(t *testing.T) {
	state := openState(t, t.TempDir())
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	s := newSender(t, receiverAt(t, d.Address, authOf(peers.UsualUsers()[2])), state.Identity)
	n := &Notification{Trap: warmStart}
	for _, test := range []struct {
		name    string
		before  func()
		reports []snmp.ReportKind
	}{
		{"first", func() {}, nil},
		{"again", func() {}, nil},
		{"restarted", func() { d.Stop(); d.Start(t) }, []snmp.ReportKind{snmp.NotInTimeWindow}},
		{"replaced", func() { d.Stop(); d.Wipe(t); d.Start(t) }, []snmp.ReportKind{snmp.UnknownEngineID}},
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
	state := openState(t, t.TempDir())
	good := authOf(peers.UsualUsers()[2])
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
		{"wrong community", d.Address, with(func(a *access.Auth) { *a = community(2); a.Community = "other" }), access.Timeout, "not acknowledged: sent 4 times, 200ms apart"},
		{"nobody listens", closed, community(2), access.Refused, "connection refused: nothing listens on UDP port "},
		{"no such name", "nowhere.invalid", community(2), access.Resolve, "nowhere.invalid"},
	} {
		r := receiverAt(t, test.address, test.auth)
		if test.reason == access.Timeout {
			r.Timeout, r.Retries = 200*time.Millisecond, 3 // the discovery may take more than one
		}
		_, err := newSender(t, r, state.Identity).Inform(t.Context(), &Notification{Trap: warmStart})
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
	sink := listenUDP(t)
	r := receiverAt(t, sink.LocalAddr().String(), community(2))
	r.Timeout = time.Hour
	ended := make(chan error)
	go func() {
		_, err := newSender(t, r, nil).Inform(ctx, &Notification{Trap: warmStart})
		ended <- err
	}()
	receive(t, sink)
	cancel()
	var e *Error
	if err := <-ended; !errors.As(err, &e) || e.Reason != access.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
