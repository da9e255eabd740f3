// Package receivertest has the other side of the tests of originator and notify: credentials, sockets, and the log of
// snmptrapd.
package receivertest

import (
	"net"
	"strings"
	"testing"

	"trapline/internal/access"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// WarmStart is a notification of SNMPv2-MIB. Enterprise is one of a vendor.
var (
	WarmStart  = snmp.MustParseOID("1.3.6.1.6.3.1.1.5.2")
	Enterprise = snmp.MustParseOID("1.3.6.1.4.1.20408.4.1.1.2")
)

// Below returns an OID below Enterprise.
func Below(tail string) snmp.OID { return snmp.MustParseOID(Enterprise.String() + "." + tail) }

// Community returns the default credentials of SNMPv1 or SNMPv2c.
func Community(version int) access.Auth {
	a := access.DefaultAuth()
	a.Version = access.Version(version)
	return a
}

// Credentials returns those of a user as a configuration has them.
func Credentials(u peers.User) access.Auth {
	a := access.Auth{Version: 3, Username: u.Name, SecurityLevel: access.NoAuthNoPriv, AuthProtocol: u.Auth, PrivProtocol: u.Priv}
	if u.Auth != "" {
		a.SecurityLevel, a.Password = access.AuthNoPriv, setting.Secret(peers.AuthPassphrase)
	}
	if u.Priv != "" {
		a.SecurityLevel, a.PrivPassword = access.AuthPriv, setting.Secret(peers.PrivPassphrase)
	}
	return a
}

// Resolve returns the principal and the address of a receiver.
func Resolve(t testing.TB, address string, a access.Auth) (access.Principal, access.Address) {
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
	return p, to
}

// ListenUDP returns a socket that is closed at the end of the test.
func ListenUDP(t testing.TB) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Receive returns the next datagram.
func Receive(t testing.TB, c net.PacketConn) []byte {
	t.Helper()
	b := make([]byte, 1<<16)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// Sourceless returns a line of snmptrapd's log without the address that the notification came from.
func Sourceless(line string) string {
	before, after, _ := strings.Cut(line, " src=")
	_, after, _ = strings.Cut(after, " user=")
	return before + " user=" + after
}
