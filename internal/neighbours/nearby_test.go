package neighbours

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

// Whatever tables say, a spread ends, names each address once, none that is outside of the networks or a target's, and
// comes to each target by the shortest way.
func TestSpreadOfRandomTables(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	within := netip.MustParsePrefix("10.0.0.0/16")
	for range 200 {
		n, targets := NewNearby(), 1+random.IntN(12)
		at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 9, byte(i + 1)}) }
		owner := func(a netip.Addr) string {
			if i := int(a.As4()[3]) - 1; a == at(i) && i < targets {
				return fmt.Sprint(i)
			}
			return ""
		}
		links := map[string][]string{}
		for i := range targets {
			r := &Reading{}
			for range random.IntN(20) {
				a := netip.AddrFrom4([4]byte{10, byte(random.IntN(2)), 9, byte(random.IntN(40))})
				r.Near = append(r.Near, Near{a, tables()[random.IntN(3)]})
				if to := owner(a); to != "" && r.Near[len(r.Near)-1].By != CDP {
					links[fmt.Sprint(i)] = append(links[fmt.Sprint(i)], to)
				}
			}
			n.Heard(fmt.Sprint(i), r)
		}
		s := Spread{Seeds: []string{"0", "0", "nobody"}, By: []Protocol{LLDP, ARP}, Within: []netip.Prefix{within}, Depth: 1 + random.IntN(4), Owner: owner}
		depths, candidates := n.Spread(&s)
		want := map[string]int{"0": 0, "nobody": 0}
		for depth := 1; depth <= s.Depth; depth++ {
			for name, d := range want {
				for _, to := range links[name] {
					if _, seen := want[to]; !seen && d == depth-1 {
						want[to] = depth
					}
				}
			}
		}
		if fmt.Sprint(depths) != fmt.Sprint(want) {
			t.Fatalf("%v, want %v", depths, want)
		}
		seen := map[netip.Addr]bool{}
		for _, c := range candidates {
			if seen[c.Address] || !within.Contains(c.Address) || owner(c.Address) != "" {
				t.Fatalf("%v", c)
			}
			seen[c.Address] = true
		}
	}
}

func tables() []Protocol { return []Protocol{LLDP, CDP, ARP} }

// Loopback is asked only where a network says so, and the ends of a network are not.
func TestInside(t *testing.T) {
	for text, want := range map[string]bool{
		"0.0.0.0/0 127.0.0.2": false, "127.64.0.0/16 127.64.0.1": true, "10.0.0.0/8 10.255.255.255": false, "10.0.0.0/8 10.0.0.0": false,
		"10.0.0.0/31 10.0.0.0": true, "10.0.0.1/32 10.0.0.1": true, "10.0.0.0/8 11.0.0.1": false, "2001:db8::/32 2001:db8::1": true, "::/0 ::1": false,
	} {
		var network, address string
		_, _ = fmt.Sscan(text, &network, &address)
		s := Spread{Within: []netip.Prefix{netip.MustParsePrefix(network)}}
		if got := s.Inside(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A device with 100,000 stations, and addresses that are of no device, is read within bounds.
func TestReadingOfAHostileDevice(t *testing.T) {
	own := netip.MustParseAddr("127.64.96.1")
	d := &scantest.Device{Addresses: []netip.Addr{own}, Community: "one"}
	add := func(oid string, kind snmp.Type, value []byte) {
		d.Objects = append(d.Objects, snmp.VarBind{Name: snmp.MustParseOID(oid), Type: kind, Value: value})
	}
	for _, a := range []string{"127.64.96.1", "10.1.2.3"} {
		octets := netip.MustParseAddr(a).AsSlice()
		add("1.3.6.1.2.1.4.20.1.1."+a, snmp.IPAddress, octets)
		add("1.3.6.1.2.1.4.20.1.3."+a, snmp.IPAddress, []byte{255, 255, 255, 0})
	}
	for i, a := range []string{
		"127.64.96.1", "10.1.2.3", "10.1.2.255", "10.1.2.0", "127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "169.254.3.4", "fe80::1", "ff02::1", "::", "::1", "::ffff:127.0.0.1",
	} {
		for kind := range 4 {
			d.Objects = append(d.Objects, scantest.Row(kind, 10+i, netip.MustParseAddr(a))...)
		}
	}
	for i := range 100_000 {
		d.Objects = append(d.Objects, scantest.Row(2, 1000, netip.AddrFrom4([4]byte{10, 7, byte(i >> 8), byte(i)}).Unmap())...)
		if i < 20_000 {
			d.Objects = append(d.Objects, scantest.Row(0, 1000+i, netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}))...)
		}
	}
	slices.SortFunc(d.Objects, func(a, b snmp.VarBind) int { return a.Name.Compare(b.Name) })
	d.Objects = slices.CompactFunc(d.Objects, func(a, b snmp.VarBind) bool { return a.Name.Compare(b.Name) == 0 })
	n := scantest.Serve(t, []*scantest.Device{d})
	e := client.New(client.Options{})
	defer func() { _ = e.Close() }()
	s, err := e.Target(client.Spec{Address: netip.AddrPortFrom(own, n.Port()).String(), Auth: &access.Auth{Version: 2, Community: "one"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(t.Context(), s, client.Params{}, tables())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[Protocol]int{}
	for _, at := range r.Near {
		counts[at.By]++
		if a := at.Address.As4(); a[0] != 10 || a[1] != 7 && a[1] != 8 {
			t.Errorf("%v", at)
		}
	}
	if len(r.Addresses) != 2 || len(r.Neighbours) > MaxNeighbours || counts[LLDP] == 0 || counts[LLDP] > maxNear || counts[ARP] < 10_000 || counts[ARP] > maxNear+maxStations || !r.Partial {
		t.Errorf("own addresses %v, %d neighbours, near %v, partial %v; the device answered %+v", r.Addresses, len(r.Neighbours), counts, r.Partial, n.Counts(own))
	}
	if sent := n.Counts(own).Logins; sent > 3000 {
		t.Errorf("%d requests", sent)
	}
}

// What all targets have near is bounded, and a target that is gone frees its share.
func TestNearbyIsBounded(t *testing.T) {
	n := NewNearby()
	near := make([]Near, maxNear+maxStations)
	for i := range 60 {
		n.Heard(fmt.Sprint(i), &Reading{Near: near})
		n.Heard(fmt.Sprint(i), &Reading{Near: near})
	}
	if n.size != maxNearby {
		t.Errorf("%d addresses are held", n.size)
	}
	n.Keep(func(name string) bool { return name == "0" })
	if n.size != len(near) || len(n.readings) != 1 {
		t.Errorf("%d addresses are held of %d targets", n.size, len(n.readings))
	}
}
