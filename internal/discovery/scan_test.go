package discovery

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/neighbours"
	"trapline/internal/poller"
	"trapline/internal/scan/scantest"
	"trapline/internal/seek"
	"trapline/internal/setting"
)

// Devices of a network become targets with their auth and facts; addresses of other targets are sent nothing, and a
// restart has the devices at once.
func TestScan(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.82.64.0/26"), Devices: 6, Several: 1, Seed: 3, Communities: []string{"one"}}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)

	auth := access.DefaultAuth()
	auth.Community = "one"
	taken, claimed := devices[5].Addresses[0], devices[4].Addresses[0] // which the target says to have, too
	c := Configuration{
		Lists: []Settings{{Name: "campus", Scan: &seek.Scan{
			Networks: []string{"127.82.64.0/25"}, Auths: []string{"one"}, SubnetRate: 2000, Port: int(n.Port()), Timeout: setting.Duration{Duration: 200 * time.Millisecond},
		}}},
		Usual: func(*poller.TargetSettings) error { return nil }, Auths: map[string]*access.Auth{"one": &auth},
		Targets: map[string]string{"taken": taken.String()}, StateDir: t.TempDir(),
	}
	changed := make(chan struct{}, 10)
	start := func() (*Discovery, func()) {
		d := New(func() { changed <- struct{}{} }, slog.New(slog.DiscardHandler))
		d.Configure(c)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		return d, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	d, stop := start()
	d.Heard("taken", &neighbours.Reading{Addresses: []netip.Addr{taken, claimed}})
	<-changed
	entries := d.Entries()
	stop()
	if len(entries) != 4 {
		t.Fatalf("%d targets", len(entries))
	}
	for _, e := range entries {
		if e.Target.Auth != "one" || !strings.HasPrefix(e.Target.Name, "device-") || e.raw.Get("__meta_trapline_sysobjectid") == "" {
			t.Errorf("%+v", e.Target)
		}
	}
	for _, a := range []netip.Addr{taken, claimed} {
		if c := n.Counts(a); c != (scantest.Counts{}) {
			t.Errorf("the address %v of a target saw %+v", a, c)
		}
	}
	asked := n.Asked()
	again, stop := start()
	stop()
	same := slices.EqualFunc(entries, again.Entries(), func(a, b *Entry) bool { return a.Target.Name == b.Target.Name })
	if !same || len(n.Asked()) != len(asked) {
		t.Errorf("a restart has %d targets", len(again.Entries()))
	}
}

// With alive_only, communities go to the addresses that a target has by ARP, and to no other.
func TestScanOfStations(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.0.72.128/26"), Devices: 6, Seed: 4, Communities: []string{"one"}}
	devices := fleet.Make()
	for _, d := range devices {
		d.Engine = nil
	}
	n := scantest.Serve(t, devices)
	auth := access.DefaultAuth()
	auth.Community = "one"
	changed := make(chan struct{}, 10)
	d := New(func() { changed <- struct{}{} }, slog.New(slog.DiscardHandler))
	d.Configure(Configuration{
		Lists: []Settings{{Name: "campus", Scan: &seek.Scan{
			Networks: []string{"127.0.72.0/24"}, Auths: []string{"one"}, AliveOnly: true, SubnetRate: 2000, Port: int(n.Port()), Timeout: setting.Duration{Duration: 200 * time.Millisecond},
		}}},
		Usual: func(*poller.TargetSettings) error { return nil }, Auths: map[string]*access.Auth{"one": &auth},
		Targets: map[string]string{"router": "127.0.72.250"}, StateDir: t.TempDir(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	if by, ok := d.Wants("router"); !ok || !slices.Equal(by, []neighbours.Protocol{neighbours.ARP}) {
		t.Errorf("the router is asked by %v", by)
	}
	alive, near := devices[1].Addresses[0], devices[2].Addresses[0]
	d.Heard("router", &neighbours.Reading{
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.72.250")}, Near: []neighbours.Near{{Address: alive, By: neighbours.ARP}, {Address: near, By: neighbours.LLDP}},
	})
	<-changed
	entries := d.Entries()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := namesOf(entries); got != "device-1" {
		t.Errorf("found: %s", got)
	}
	for _, a := range n.Asked() {
		if c := n.Counts(a); c.Logins > 0 && a != alive {
			t.Errorf("%v, which nobody has by ARP, saw %+v", a, c)
		}
	}
}
