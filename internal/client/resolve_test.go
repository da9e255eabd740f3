package client

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/access"
	"trapline/internal/mux"
)

// names is a resolver of one name.
type names struct {
	addresses []netip.Addr
	err       error
	hangs     bool
	families  []string
}

func (n *names) resolve(ctx context.Context, family, host string) ([]netip.Addr, error) {
	n.families = append(n.families, family)
	if n.hangs {
		<-ctx.Done()
		return nil, &net.DNSError{Err: ctx.Err().Error(), Name: host, IsTimeout: true}
	}
	return n.addresses, n.err
}

func addresses(list ...string) (a []netip.Addr) {
	for _, s := range list {
		a = append(a, netip.MustParseAddr(s))
	}
	return a
}

func TestNamesAreResolvedAgain(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	m := mux.NewMetrics(registry)
	e := New(Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Metrics: m})
	defer e.Close()
	n := &names{}
	e.env.Resolve = n.resolve
	x, err := e.Target(Spec{Address: "switch.example:1161"})
	if err != nil {
		t.Fatal(err)
	}
	fails := &net.DNSError{Err: "server misbehaving", Name: "switch.example"}
	for i, c := range []struct {
		found  []netip.Addr
		err    error
		want   string // empty: an error
		logged int    // lines so far
	}{
		{nil, fails, "", 0},
		{nil, nil, "", 0},
		{addresses("192.0.2.1", "192.0.2.2"), nil, "192.0.2.1:1161", 0},
		{addresses("192.0.2.2", "192.0.2.1"), nil, "192.0.2.1:1161", 0}, // in another order
		{nil, fails, "192.0.2.1:1161", 1},
		{nil, fails, "192.0.2.1:1161", 1},                                      // logged once
		{addresses("192.0.2.2", "::ffff:192.0.2.1"), nil, "192.0.2.1:1161", 2}, // as resolvers write IPv4 addresses
		{addresses("::ffff:192.0.2.2"), nil, "192.0.2.2:1161", 2},
		{addresses("2001:db8::1"), nil, "[2001:db8::1]:1161", 2},
		{nil, fails, "[2001:db8::1]:1161", 3},
	} {
		n.addresses, n.err = c.found, c.err
		got, err := x.conn.LookUp(t.Context(), time.Second)
		if (err == nil) != (c.want != "") || err == nil && got.String() != c.want {
			t.Errorf("lookup %d: %v, %v, want %q", i, got, err, c.want)
		}
		if lines := strings.Count(log.String(), "\n"); lines != c.logged {
			t.Errorf("lookup %d: %d lines logged, want %d:\n%s", i, lines, c.logged, log.String())
		}
	}
	const want = "# HELP trapline_engine_lookup_failures_total Lookups of host names that failed.\n" +
		"# TYPE trapline_engine_lookup_failures_total counter\ntrapline_engine_lookup_failures_total 5\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "trapline_engine_lookup_failures_total"); err != nil {
		t.Error(err)
	}
}

// A name server that does not answer delays a target by a bounded time, and less when its address is known.
func TestLookupsHaveADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{})
		defer e.Close()
		n := &names{hangs: true, addresses: addresses("192.0.2.1")}
		e.env.Resolve = n.resolve
		x, err := e.Target(Spec{Address: "switch.example"})
		if err != nil {
			t.Fatal(err)
		}
		took := func() time.Duration {
			start := time.Now()
			_, err = x.conn.LookUp(t.Context(), 5*time.Second)
			return time.Since(start)
		}
		if d := took(); d != 5*time.Second || err == nil {
			t.Errorf("the first lookup ended after %v with %v", d, err)
		}
		n.hangs = false
		took()
		n.hangs = true
		if d := took(); d != time.Second || err != nil {
			t.Errorf("a lookup of a known name ended after %v with %v", d, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := x.Poll(ctx, &Plan{}, nil); len(access.Errors(err)) != 1 || access.Errors(err)[0].Reason != access.Canceled {
			t.Errorf("a poll that was canceled: %v", err)
		}
	})
}

func TestLookupsAreOfTheRightFamily(t *testing.T) {
	e := New(Options{})
	defer e.Close()
	n := &names{addresses: addresses("192.0.2.1")}
	e.env.Resolve = n.resolve
	for _, c := range []struct{ address, source, want string }{
		{"switch", "", "ip"}, {"udp4:switch", "", "ip4"}, {"udp6:switch", "", "ip6"}, {"tcp6:switch", "", "ip6"},
		{"switch", "192.0.2.9", "ip4"}, {"switch", "::1", "ip6"}, {"udp6:switch", "192.0.2.9", "ip6"},
	} {
		source, _ := access.ParseSource(c.source)
		x, err := e.Target(Spec{Address: c.address, Source: source})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = x.conn.LookUp(t.Context(), time.Second)
		if got := n.families[len(n.families)-1]; got != c.want {
			t.Errorf("%s from %q: asked for %s, want %s", c.address, c.source, got, c.want)
		}
	}
}
