package notify

import (
	"net"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

var (
	warmStart  = snmp.MustParseOID("1.3.6.1.6.3.1.1.5.2")
	enterprise = snmp.MustParseOID("1.3.6.1.4.1.20408.4.1.1.2")
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
func receiverAt(t testing.TB, address string, a access.Auth) originator.Receiver {
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
	return originator.Receiver{Address: to, Principal: p, Timeout: time.Minute}
}

func newSender(t testing.TB, r originator.Receiver, identity *originator.Identity) *originator.Sender {
	t.Helper()
	s, err := originator.NewSender(r, identity)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trap(t testing.TB, s *originator.Sender, n *originator.Notification) {
	t.Helper()
	if err := s.Trap(t.Context(), n); err != nil {
		t.Fatal(err)
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
	b := make([]byte, 1<<16)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// sourceless is a line of snmptrapd's log without the address that the notification came from.
func sourceless(line string) string {
	before, after, _ := strings.Cut(line, " src=")
	_, after, _ = strings.Cut(after, " user=")
	return before + " user=" + after
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openDir(t testing.TB, dir string) *statedir.Dir {
	t.Helper()
	s, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
