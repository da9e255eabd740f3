package scan

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

// A network of IPv6 is swept as one of IPv4 is: its devices are found, by users and communities, that of two addresses once, and
// nobody sees more than two wrong logins.
func TestSweepOfIPv6(t *testing.T) {
	network := netip.MustParsePrefix("fd00:72::10/124")
	var all []netip.Addr
	for a := network.Addr(); network.Contains(a); a = a.Next() {
		all = append(all, a)
	}
	if !scantest.Apart(t, all) {
		return
	}
	fleet := scantest.Fleet{
		Network: netip.MustParsePrefix("127.0.72.0/24"), Devices: 7, Several: 1, Unknown: 1, Mute: 1, Seed: 2,
		Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one", "two"},
	}
	devices := fleet.Make()
	free := slices.Clone(all)
	for _, d := range devices {
		n := min(len(d.Addresses), 2)
		d.Addresses, free = free[:n:n], free[n:]
	}
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), network.String())
	found := sweepWith(t, &o)
	compare(t, n, devices, found)
	for _, a := range all {
		if c := n.Counts(a); c.Discoveries == 0 || !n.IsDevice(a) && c.Logins != 2 {
			t.Errorf("%v saw %+v", a, c)
		}
	}
	again := sweepWith(t, &o)
	if len(again) != len(found) || again[0].Took <= 0 || again[0].Took > time.Minute {
		t.Errorf("the next sweep has %d devices", len(again))
	}
}
