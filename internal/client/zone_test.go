package client_test

import (
	"fmt"
	"net/netip"
	"testing"

	"trapline/internal/access"
	simulator "trapline/internal/agent"
	"trapline/internal/client"
)

// Answers of a loopback address come without the zone that it was written with.
func TestZoneOfALoopbackAddress(t *testing.T) {
	var b simulator.Builder
	b.Text(oid("1.3.6.1.2.1.1.5.0"), "here")
	s, err := simulator.Listen(b.Recording().Serve(netip.MustParseAddrPort("[::1]:0")))
	if err != nil {
		t.Skip("without IPv6: ", err)
	}
	_ = s.Close()
	at, stop := serve(t, b.Recording().Serve(netip.MustParseAddrPort("[::1]:0")))
	defer stop()
	for _, kind := range []string{"", access.Gosnmp} {
		for _, zone := range []string{"", "%lo", "%1"} {
			x := target(t, client.Spec{Engine: kind, Address: fmt.Sprintf("[::1%s]:%d", zone, at.Port())})
			poll(t, x, client.Plan{Walk: walkOf("1.3.6.1.2.1.1"), Params: patient(1)}).wantErrors(t)
		}
	}
}
