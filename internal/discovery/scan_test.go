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
	"trapline/internal/poller"
	"trapline/internal/scan/scantest"
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
	taken := devices[5].Addresses[0]
	c := Configuration{
		Lists: []Settings{{Name: "campus", Scan: &Scan{
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
	<-changed
	entries := d.Entries()
	stop()
	if len(entries) != 5 {
		t.Fatalf("%d targets", len(entries))
	}
	for _, e := range entries {
		if e.Target.Auth != "one" || !strings.HasPrefix(e.Target.Name, "device-") || e.raw.Get("__meta_trapline_sysobjectid") == "" {
			t.Errorf("%+v", e.Target)
		}
	}
	if c := n.Counts(taken); c != (scantest.Counts{}) {
		t.Errorf("the address of a target saw %+v", c)
	}
	asked := n.Asked()
	again, stop := start()
	stop()
	same := slices.EqualFunc(entries, again.Entries(), func(a, b *Entry) bool { return a.Target.Name == b.Target.Name })
	if !same || len(n.Asked()) != len(asked) {
		t.Errorf("a restart has %d targets", len(again.Entries()))
	}
}

// The errors and the doubts of a scan name the part of it.
func TestScanSettings(t *testing.T) {
	auths := map[string]*access.Auth{"one": new(access.Auth{Version: 2}), "secure": new(access.Auth{Version: 3})}
	for want, s := range map[string]Scan{
		"networks: name at least one":    {Auths: []string{"one"}},
		"networks[0]: \"core\"":          {Networks: []string{"core"}, Auths: []string{"one"}},
		"auths: name at least one":       {Networks: []string{"10.0.0.0/24"}},
		"networks: the networks have":    {Networks: []string{"10.0.0.0/8"}, Auths: []string{"one"}},
		"port: write a number":           {Networks: []string{"10.0.0.0/24"}, Auths: []string{"one"}, Port: 70000},
		"networks[0]: 10.0.0.0/15 has":   {Networks: []string{"10.0.0.0/15"}, Auths: []string{"secure", "one"}},
		"networks[0]: 8.8.8.0/24 is pub": {Networks: []string{"8.8.8.0/24"}, Auths: []string{"one"}},
		"":                               {Networks: []string{"8.8.0.0/15"}, Auths: []string{"secure"}},
	} {
		var got string
		for _, m := range append(s.Problems(), s.DoubtsOfCommunities(auths)...) {
			got += m.Path + ": " + m.Text + "\n"
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: %s, want %s", s, got, want)
		}
	}
}
