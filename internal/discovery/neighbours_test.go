package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/neighbours"
	"trapline/internal/poller"
	"trapline/internal/scan/scantest"
	"trapline/internal/seek"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// explore runs a list of neighbours over a network, with a poller that asks each target that is wanted once a second, until
// the list has what it is to have and stays so.
func explore(t *testing.T, n *scantest.Network, seed *scantest.Device, s *seek.Neighbours, want int) []*Entry {
	t.Helper()
	auth := access.DefaultAuth()
	auth.Community = "one"
	address := func(a netip.Addr) string { return netip.AddrPortFrom(a, n.Port()).String() }
	s.Seeds, s.Auths, s.Port, s.Rate, s.SubnetRate, s.Timeout.Duration = []string{"seed"}, []string{"one"}, int(n.Port()), 20_000, 5000, 200*time.Millisecond
	c := Configuration{
		Lists: []Settings{{Name: "campus", Neighbours: s}}, Usual: func(*poller.TargetSettings) error { return nil },
		Auths: map[string]*access.Auth{"one": &auth}, Targets: map[string]string{"seed": address(seed.Addresses[0])}, StateDir: t.TempDir(),
	}
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	e := client.New(client.Options{})
	defer func() { _ = e.Close() }()
	stable := 0
	for end := time.Now().Add(time.Minute); stable < 5; time.Sleep(time.Second) {
		targets := maps.Clone(c.Targets)
		for _, e := range d.Entries() {
			targets[e.Target.Name] = e.Target.Address
		}
		for name, address := range targets {
			if by, ok := d.Wants(name); ok && len(by) > 0 {
				session, err := e.Target(client.Spec{Address: address, Auth: &auth})
				if err != nil {
					t.Fatal(err)
				}
				if r, err := neighbours.Read(ctx, session, client.Params{Timeout: setting.Duration{Duration: time.Second}}, by); err == nil {
					d.Heard(name, r)
				}
			}
		}
		if stable++; len(d.Entries()) != want && time.Now().Before(end) {
			stable = 0
		}
	}
	return d.Entries()
}

// device returns a device that has an address, and says to have others, too.
func device(number int, address string, claims ...string) *scantest.Device {
	d := &scantest.Device{Addresses: []netip.Addr{netip.MustParseAddr(address)}, Community: "one", Started: time.Now().Add(-time.Duration(number) * time.Hour)}
	add := func(oid string, kind snmp.Type, value []byte) {
		d.Objects = append(d.Objects, snmp.VarBind{Name: snmp.MustParseOID(oid), Type: kind, Value: value})
	}
	add("1.3.6.1.2.1.1.2.0", snmp.ObjectIdentifier, snmp.MustParseOID("1.3.6.1.4.1.9.1"))
	add("1.3.6.1.2.1.1.3.0", snmp.TimeTicks, nil)
	add("1.3.6.1.2.1.1.5.0", snmp.OctetString, fmt.Appendf(nil, "device-%d", number))
	for i, a := range append([]string{address}, claims...) {
		octets := netip.MustParseAddr(a).AsSlice()
		add("1.3.6.1.2.1.4.20.1.1."+a, snmp.IPAddress, octets)
		add("1.3.6.1.2.1.4.20.1.2."+a, snmp.Integer, []byte{byte(i + 1)})
		add("1.3.6.1.2.1.4.20.1.3."+a, snmp.IPAddress, []byte{255, 255, 255, 0})
	}
	return d
}

func namesOf(entries []*Entry) string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Target.Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// Devices in a ring that also name themselves, two that claim each other's addresses, and addresses that are of none: each
// device is found once, as deep as it may be, and the bogus addresses are sent nothing.
func TestNeighboursThatLie(t *testing.T) {
	var devices []*scantest.Device
	for i := range 6 {
		devices = append(devices, device(i, fmt.Sprintf("127.64.100.%d", i+1)))
	}
	devices[2] = device(2, "127.64.100.3", "127.64.100.4") // each claims the other's
	devices[3] = device(3, "127.64.100.4", "127.64.100.3")
	excluded := device(7, "127.64.100.77")
	devices = append(devices, excluded)
	campus := scantest.Campus{Devices: devices, Links: map[*scantest.Device][]*scantest.Device{}}
	for i := range 6 {
		next := devices[(i+1)%6]
		campus.Name(devices[i], next, i%4, next.Addresses[0])
		campus.Name(devices[i], devices[i], (i+1)%4, devices[i].Addresses[0])
		for _, bogus := range []string{"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "127.64.100.255", "127.64.100.77", "127.64.101.1", "fe80::1"} {
			campus.Name(devices[i], nil, i%4, netip.MustParseAddr(bogus))
		}
	}
	campus.Name(devices[1], devices[3], 0, devices[3].Addresses[0]) // whom its neighbour takes for itself
	n := scantest.Serve(t, devices)
	s := &seek.Neighbours{Within: []string{"127.64.100.0/24"}, Exclude: []string{"127.64.100.77"}, Depth: 3}
	entries := explore(t, n, devices[0], s, 4)
	if got := namesOf(entries); got != "device-1 device-2 device-3 device-4" {
		t.Errorf("found: %s", got)
	}
	for _, a := range n.Asked() {
		if !slices.ContainsFunc(devices[:5], func(d *scantest.Device) bool { return d.Addresses[0] == a }) {
			t.Errorf("%v was sent %+v", a, n.Counts(a))
		}
	}
}

// A device that has 16,000 addresses of nobody near, others each time it is asked, delays others and no more: those that
// another device has are found, and what is asked for it in a day is bounded.
func TestNeighboursThatAreNone(t *testing.T) {
	seed, liar, honest, last := device(0, "127.66.0.1"), device(1, "127.66.0.2"), device(2, "127.66.0.3"), device(3, "127.66.0.4")
	devices := []*scantest.Device{seed, liar, honest, last}
	campus := scantest.Campus{Devices: devices, Links: map[*scantest.Device][]*scantest.Device{}}
	campus.Name(seed, liar, 0, liar.Addresses[0])
	campus.Name(seed, honest, 1, honest.Addresses[0])
	campus.Name(honest, last, 0, last.Addresses[0])
	for i := range 16_000 {
		liar.Objects = append(liar.Objects, scantest.Row(2, 1, netip.AddrFrom4([4]byte{127, 67, byte(i / 250), byte(1 + i%250)}))...)
	}
	n := scantest.Serve(t, devices)
	entries := explore(t, n, seed, &seek.Neighbours{Within: []string{"127.66.0.0/15"}}, 3)
	if got := namesOf(entries); got != "device-1 device-2 device-3" {
		t.Errorf("found: %s", got)
	}
	if asked := len(n.Asked()); asked > 16_004 {
		t.Errorf("%d addresses were asked", asked)
	}
	for _, a := range n.Asked() {
		if c := n.Counts(a); !n.IsDevice(a) && c.Logins > 2 {
			t.Errorf("%v saw %+v", a, c)
		}
	}
}
