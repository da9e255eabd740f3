package client_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	simulator "trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// changing is a table of so many rows in 8 columns, where some rows miss some columns. Rows come and go
// from one generation to the next.
func changing(rows, generation int) *simulator.Recording {
	var b simulator.Builder
	b.Text(oid("1.3.6.1.2.1.1.5.0"), "changing")
	for c := range 8 {
		for r := range rows {
			if (r+generation)%7 == 0 || (r*c+generation)%11 == 5 {
				continue
			}
			name := oid(fmt.Sprintf("1.3.6.1.2.1.2.2.1.%d.%d", c+1, 100+37*r))
			if c%3 == 2 {
				b.Text(name, fmt.Sprintf("%0*d", r%40, r))
			} else {
				b.Uint(name, snmp.Counter32, uint64(r*c))
			}
		}
	}
	b.Uint(oid("1.3.6.1.2.1.2.3.0"), snmp.Counter32, 1)
	return b.Recording()
}

func columnsOf(n int) (list []snmp.OID) {
	for c := range n {
		list = append(list, oid(fmt.Sprintf("1.3.6.1.2.1.2.2.1.%d", c+1)))
	}
	return list
}

// below returns the objects of a recording in the subtrees of the columns.
func below(r *simulator.Recording, columns []snmp.OID) (list []snmp.VarBind) {
	for i := range r.Len() {
		v := r.Object(i, 0)
		for _, c := range columns {
			if v.Name.HasPrefix(c) {
				list = append(list, v)
			}
		}
	}
	return list
}

// TestBadNetworksLoseNothing polls a changing table over networks that lose, duplicate, reorder,
// truncate and corrupt datagrams. A poll without an error must be complete.
func TestBadNetworksLoseNothing(t *testing.T) {
	for name, faults := range map[string]simulator.Faults{
		"well":       {},
		"slow":       {Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond},
		"loss":       {Loss: 0.1, Seed: 1},
		"twice":      {Duplicate: 0.5, Seed: 2},
		"disorder":   {Reorder: 0.2, Jitter: 2 * time.Millisecond, Seed: 3},
		"cut off":    {Truncate: 0.1, Seed: 4},
		"wrong ids":  {WrongID: 0.1, Seed: 5},
		"garbage":    {Garbage: 0.1, HugeLength: 0.05, Seed: 6},
		"short room": {PerVarBind: 20 * time.Microsecond, Queue: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := netip.MustParseAddrPort("127.0.0.1:0")
			columns := columnsOf(8)
			retries := 10
			params := client.Params{Retries: &retries, Timeout: setting.Duration{Duration: 300 * time.Millisecond}}
			var x *client.Target
			for round := range 8 {
				generation := changing(120+round%4, round%4)
				device := generation.Serve(at)
				device.Faults = faults
				var stop func()
				at, stop = serve(t, device)
				if x == nil {
					x = target(t, client.Spec{Address: at.String()})
				}
				var got []snmp.VarBind
				_, err := x.Poll(t.Context(), &client.Plan{Walk: columns, Columns: columns, Params: params}, func(v snmp.VarBind) {
					got = append(got, snmp.VarBind{Name: bytes.Clone(v.Name), Type: v.Type, Value: bytes.Clone(v.Value)})
				})
				stop()
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				if want := below(generation, columns); !equal(got, want) {
					t.Fatalf("round %d: %d varbinds that differ from the %d there are", round, len(got), len(want))
				}
			}
		})
	}
}

func equal(a, b []snmp.VarBind) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Name, b[i].Name) || a[i].Type != b[i].Type || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// serve answers for one device until stop is called.
func serve(t testing.TB, d simulator.Device) (at netip.AddrPort, stop func()) {
	t.Helper()
	s, err := simulator.Listen(d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s.Addr(0), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
