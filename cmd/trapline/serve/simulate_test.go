package serve

import (
	"net/netip"
	"strings"
	"testing"

	"trapline/internal/agent"
)

// A simulation that cannot listen names the address, and one to use instead; others of its devices are free again.
func TestSimulateSaysWhichAddressIsTaken(t *testing.T) {
	models := []simulated{{"one", agent.UPS(1)}, {"two", agent.UPS(2)}}
	running, err := simulate(models, netip.MustParseAddrPort("127.0.25.11:0"), agent.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	taken := running.Addr(0)
	for first, want := range map[string]string{
		taken.String(): taken.String() + " is in use, by another program or another simulation. Use another port, or --listen=127.0.25.11:0 for a free one",
		netip.AddrPortFrom(netip.MustParseAddr("127.0.25.10"), taken.Port()).String(): taken.String() + " is in use",
		"192.0.2.1:1161": "192.0.2.1:1161 is not of this machine",
	} {
		address := netip.MustParseAddrPort(first)
		if s, err := simulate(models, address, agent.Faults{}); err == nil {
			s.Close()
			t.Errorf("a second simulation listens at %s", first)
		} else if got := noSocket(err, "--listen", address).Error(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", first, got, want)
		}
	}
	beside, err := simulate(models, netip.AddrPortFrom(netip.MustParseAddr("127.0.25.21"), taken.Port()), agent.Faults{})
	if err != nil {
		t.Fatalf("other addresses at the same port are free: %v", err)
	}
	beside.Close()
}

// A misspelled kind has a suggestion; a wrong number has none.
func TestSimulateSuggestsAKind(t *testing.T) {
	for kind, want := range map[string]bool{"swich": true, "swich=3": true, "switch=0": false, "toaster": false} {
		if _, err := builtin(t.Context(), kind); err == nil || strings.Contains(err.Error(), "; did you mean switch?") != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
