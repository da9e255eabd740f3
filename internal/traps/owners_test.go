package traps

import (
	"net/netip"
	"testing"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// A trap is of the target that it names, if its sender may name others, else of the one that sent it.
func TestOwners(t *testing.T) {
	address := netip.MustParseAddr
	tables := &Tables{}
	tables.Set("a", []netip.Addr{address("192.0.2.2"), address("10.0.0.1"), address("10.0.0.9"), address("127.0.0.1"), address("fe80::1"), address("2001:db8::1")})
	tables.Set("b", []netip.Addr{address("10.0.0.9"), address("10.0.0.2"), address("10.0.0.2")})
	tables.Set("gone", []netip.Addr{address("10.0.0.3")})
	o := NewOwners([]Target{
		{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "192.0.2.2:1161"}, {Name: "b-ctx", Address: "udp://192.0.2.2", Context: "ctx"}, {Name: "host", Address: "host.invalid"}, {Name: "moved", Address: "192.0.2.8"},
	}, []string{"198.51.100.1"}, Known{func(id []byte) string { return map[string]string{"engine": "moved"}[string(id)] }, tables})
	v1 := &snmp.Trap{}
	for _, test := range []struct {
		from, names     string
		r               originator.Received
		target, address string
	}{
		{"192.0.2.1", "", originator.Received{}, "a", "192.0.2.1"},
		{"::ffff:192.0.2.1", "", originator.Received{}, "a", "192.0.2.1"},
		{"192.0.2.2", "", originator.Received{}, "b", "192.0.2.2"},
		{"192.0.2.2", "", originator.Received{Context: "ctx"}, "b-ctx", "192.0.2.2"},
		{"192.0.2.1", "192.0.2.2", originator.Received{}, "a", "192.0.2.1"}, // no forwarder
		{"198.51.100.1", "192.0.2.2", originator.Received{}, "b", "192.0.2.2"},
		{"198.51.100.1", "192.0.2.77", originator.Received{}, "", "192.0.2.77"},
		{"192.0.2.1", "192.0.2.2", originator.Received{V1: v1}, "b", "192.0.2.2"},  // agent-addr
		{"192.0.2.1", "192.0.2.77", originator.Received{V1: v1}, "a", "192.0.2.1"}, // of a device behind NAT
		{"203.0.113.5", "", originator.Received{EngineID: []byte("engine")}, "moved", "203.0.113.5"},
		{"203.0.113.5", "", originator.Received{EngineID: []byte("other")}, "", "203.0.113.5"},
		{"10.0.0.1", "", originator.Received{}, "a", "10.0.0.1"}, // in its tables
		{"2001:db8::1", "", originator.Received{}, "a", "2001:db8::1"},
		{"192.0.2.2", "", originator.Received{}, "b", "192.0.2.2"}, // whatever a has in its tables
		{"10.0.0.9", "", originator.Received{}, "", "10.0.0.9"},    // two have it
		{"127.0.0.1", "", originator.Received{}, "", "127.0.0.1"},
		{"fe80::1", "", originator.Received{}, "", "fe80::1"},
		{"10.0.0.3", "", originator.Received{}, "", "10.0.0.3"}, // no target
		{"198.51.100.1", "10.0.0.1", originator.Received{}, "a", "10.0.0.1"},
		{"192.0.2.77", "10.0.0.1", originator.Received{V1: v1}, "a", "10.0.0.1"},
		{"192.0.2.2", "10.0.0.1", originator.Received{V1: v1}, "b", "192.0.2.2"}, // the sender is a target
		{"10.0.0.1", "", originator.Received{EngineID: []byte("engine")}, "moved", "10.0.0.1"},
	} {
		test.r.From = netip.AddrPortFrom(netip.MustParseAddr(test.from).Unmap(), 9)
		trap := &Trap{Received: &test.r}
		if test.names != "" {
			trap.address = netip.MustParseAddr(test.names)
		}
		target, device := o.Of(trap)
		name := ""
		if target != nil {
			name = target.Name
		}
		if name != test.target || device.String() != test.address {
			t.Errorf("from %s naming %q: %q at %s, want %q at %s", test.from, test.names, name, device, test.target, test.address)
		}
	}
	if !o.Exists("host") || !o.Named() {
		t.Error("a target with a host name is lost")
	}
}

// Of several targets with an engine the last one counts, and another one once that has another engine, or does not exist.
func TestEnginesOfSeveralTargets(t *testing.T) {
	tables := &Tables{}
	check := func(id, want string) {
		t.Helper()
		if got := tables.Engine([]byte(id)); got != want {
			t.Errorf("engine %s is of %q, want %q", id, got, want)
		}
	}
	for _, target := range []string{"a", "b", "c"} {
		tables.SetEngine(target, []byte("e"))
	}
	check("e", "c")
	tables.SetEngine("c", []byte("f"))
	check("e", "b")
	check("f", "c")
	tables.Keep(func(target string) bool { return target != "b" })
	check("e", "a")
	tables.SetEngine("a", nil)
	check("e", "")
}
