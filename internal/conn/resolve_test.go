package conn

import (
	"net"
	"net/netip"
	"testing"
)

// Answers come without a zone but from link-local addresses, whose zone then is the interface's name.
func TestAddressesAreThoseOfAnswers(t *testing.T) {
	lo, err := net.InterfaceByIndex(1)
	if err != nil {
		t.Skip(err)
	}
	for text, want := range map[string]string{
		"::1": "::1", "::1%lo": "::1", "::1%1": "::1", "2001:db8::1%eth0": "2001:db8::1", "fd00::1%eth0": "fd00::1",
		"::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::1%eth0", "fe80::1%1": "fe80::1%" + lo.Name, "fe80::1": "fe80::1",
	} {
		if got := matchable(netip.MustParseAddr(text)).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
