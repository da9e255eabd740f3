package client

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// grid is a table of so many columns and rows, and one more object behind it.
func grid(columns, rows int) (oids, names []snmp.OID) {
	for c := range columns {
		oids = append(oids, snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d", c+1)))
		for i := range rows {
			names = append(names, snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d.%d", c+1, i+1)))
		}
	}
	return oids, append(names, snmp.MustParseOID("1.3.9.2.1"))
}

// virtualDevice is an agent with a grid, 10 ms away.
func virtualDevice(columns, rows int) (*virtualNet, *Plan) {
	oids, names := grid(columns, rows)
	r := rand.New(rand.NewPCG(1, 1))
	n := &virtualNet{r: r, latency: 5 * time.Millisecond, agent: &virtualAgent{next: lexicographic(&names), size: 1400}}
	return n, &Plan{Walk: oids, Columns: oids, Params: virtualParams(3)}
}

// passOver is one pass, with its time on the virtual clock.
func passOver(t *testing.T, x *Target, p *Plan, rows int) (mux.Stats, time.Duration) {
	t.Helper()
	start := time.Now()
	stats, err := x.Poll(context.Background(), p, func(snmp.VarBind) {})
	if err != nil || stats.VarBinds != rows {
		t.Errorf("%d bindings of %d, %v", stats.VarBinds, rows, err)
	}
	return stats, time.Since(start)
}

// Small columns share requests: with the first pass it is known which.
func TestSmallColumnsShareRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(20, 4)
		e, x := virtualEngine(n)
		defer e.Close()
		passOver(t, x, plan, 80)
		if stats, _ := passOver(t, x, plan, 80); stats.Packets != 1 {
			t.Errorf("%d packets for 20 columns of 4 rows", stats.Packets)
		}
	})
}

// SNMPv1 has no GETBULK, but one GETNEXT request may contain many cursors.
func TestManyCursorsInSNMPv1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(4, 200)
		e, _ := virtualEngine(n)
		defer e.Close()
		x, err := e.Target(Spec{Address: virtualPeer.String(), Auth: &access.Auth{Version: 1, Community: "public"}})
		if err != nil {
			t.Fatal(err)
		}
		passOver(t, x, plan, 800)
		stats, took := passOver(t, x, plan, 800)
		if stats.Packets > 800/30 || took > 100*time.Millisecond || n.agent.version != snmp.V1 {
			t.Errorf("%d packets in %s for 800 rows", stats.Packets, took)
		}
	})
}

// From the second poll on, requests must respect the size at which an agent truncated, answered
// tooBig or did not answer.
func TestCapacityIsRemembered(t *testing.T) {
	for name, agent := range map[string]virtualAgent{
		"fewer bindings than asked for": {size: 1400, count: 7},
		"fewer octets":                  {size: 300},
		"tooBig":                        {size: 300, tooBig: true},
		"silence":                       {size: 300, silent: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			n, plan := virtualDevice(3, 100)
			next := n.agent.next
			*n.agent = agent
			n.agent.next = next
			e, x := virtualEngine(n)
			defer e.Close()
			passOver(t, x, plan, 300)
			passOver(t, x, plan, 300)
			if stats, _ := passOver(t, x, plan, 300); stats.Retries > 0 || stats.Packets > 300/3 || stats.Path.MaxBindings == 0 {
				t.Errorf("%s: %+v in the third pass", name, stats)
			}
		})
	}
	c := capacity{}
	c.limit(8, 0)
	if c.relax(3*24*time.Hour + 1); c.max != 11 {
		t.Errorf("a limit of 8 is %d after three days", c.max)
	}
}

// A target with a pace is asked for no more than that, and gets it.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(4, 250)
		plan.Params.MaxVarBindRate = 500
		e, x := virtualEngine(n)
		defer e.Close()
		passOver(t, x, plan, 1000)
		if _, took := passOver(t, x, plan, 1000); took < 1800*time.Millisecond || took > 2500*time.Millisecond {
			t.Errorf("1000 bindings at 500 a second took %s", took)
		}
	})
}

// So many requests as the engine may have under way are under way, and no target waits for ever.
func TestRequestsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(4, 500)
		e, _ := virtualEngine(n)
		defer e.Close()
		e.mux.MaxInFlight = 3
		for i := range 5 {
			x, err := e.Target(Spec{Address: virtualPeer.String(), Context: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			go passOver(t, x, plan, 2000)
			go passOver(t, x, plan, 2000)
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		n.change(func() {
			if n.most != 3 {
				t.Errorf("%d requests under way", n.most)
			}
		})
	})
}

// A column that its table lacks is asked for in every pass: whatever happens to it shows in the next one.
func TestAbsentColumns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(2, 40)
		_, names := grid(2, 40)
		n.agent.next = lexicographic(&names)
		e, x := virtualEngine(n)
		defer e.Close()
		for c := range 30 { // each is missing
			plan.Columns = append(plan.Columns, snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d", c+10)))
		}
		for range 8 {
			passOver(t, x, plan, 80)
		}
		n.change(func() { insertName(&names, "1.3.9.1.17.3") })
		passOver(t, x, plan, 81)
		n.change(func() {
			names = slices.DeleteFunc(names, func(o snmp.OID) bool { return o.HasPrefix(snmp.MustParseOID("1.3.9.1.1")) })
		})
		passOver(t, x, plan, 41)
	})
}

// A fault of the engine ends the pass at once, with an error that names the columns.
func TestASweepThatWaitsForNothingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(2, 40)
		e, x := virtualEngine(n)
		defer e.Close()
		passOver(t, x, plan, 80)
		s := newTableWalk(x.mux, x.device, plan.Columns, nil)
		s.params, s.stats, s.limit = resolveParams(plan.Params, false), &mux.Stats{}, DefaultMaxVarBinds
		s.holding = &holding{total: &e.holds, max: DefaultMaxBytes}
		s.columns[0].table.pivot = &column{} // which never ends
		x.device.memory = memory{}
		s.start()
		s.wait(context.Background())
		if s.failed == nil || s.failed.Reason != access.Internal || !strings.Contains(s.failed.Error(), "1.3.9.1.2") {
			t.Errorf("error %v", s.failed)
		}
	})
}

// A request without bindings is not sent.
func TestRequestsWithoutBindingsAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(1, 10)
		e, x := virtualEngine(n)
		defer e.Close()
		passOver(t, x, plan, 10)
		requests := n.requests
		var stats mux.Stats
		w := &pass{resolvedParams: resolveParams(Params{}, false), stats: &stats}
		_, err := (&muxExchanger{mux: x.mux, pass: w, device: x.device}).Exchange(context.Background(), mux.Request{PDU: snmp.GetBulkRequest})
		if err == nil || err.Reason != access.Internal || n.requests != requests {
			t.Errorf("error %v, %d requests", err, n.requests-requests)
		}
	})
}

func insertName(names *[]snmp.OID, name string) {
	o := snmp.MustParseOID(name)
	at, _ := slices.BinarySearchFunc(*names, o, snmp.OID.Compare)
	*names = slices.Insert(*names, at, o)
}

// Several segments of a column may wait at once for a column that has grown to name the rows behind holes.
func TestHolesInSeveralSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const short, long = 600, 6000
		n, plan := virtualDevice(2, short)
		_, names := grid(2, short)
		n.agent.next = lexicographic(&names)
		e, x := virtualEngine(n)
		defer e.Close()
		passOver(t, x, plan, 2*short)
		n.change(func() {
			for i := short; i < long; i++ { // which come one answer after the other
				insertName(&names, fmt.Sprintf("1.3.9.1.2.%d", i+1))
			}
			n.agent.broken = func(o snmp.OID) bool {
				return slices.Contains([]string{"1.3.9.1.1.50", "1.3.9.1.1.200", "1.3.9.1.1.201"}, o.String())
			}
		})
		for range 2 {
			stats, err := x.Poll(context.Background(), plan, func(snmp.VarBind) {})
			if err == nil || stats.VarBinds != short+long-3 {
				t.Errorf("%d bindings, %v", stats.VarBinds, err)
			}
		}
	})
}

// A value at the OID of a column itself, as returned by GET, must be in the result of every poll,
// whatever surrounds it.
func TestColumnsThatAreInstances(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	synctest.Test(t, func(t *testing.T) {
		for range trials(t, 300) {
			r := rand.New(rand.NewPCG(r.Uint64(), 0))
			var names, columns []snmp.OID
			want := map[string]bool{}
			for c := range 1 + r.IntN(12) {
				column := snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d", 1+2*c))
				if c == 0 || r.IntN(4) > 0 {
					columns = append(columns, column)
				}
				switch r.IntN(3) {
				case 0: // an instance, as a scalar without its .0
					names = append(names, column)
				case 1:
					for row := range 1 + r.IntN(30) {
						names = append(names, snmp.AppendArc(bytes.Clone(column), uint32(row)))
					}
				}
			}
			if r.IntN(2) == 0 {
				names = append(names, snmp.MustParseOID("1.3.9.2.1"))
			}
			for _, o := range names {
				if slices.ContainsFunc(columns, o.HasPrefix) {
					want[o.String()] = true
				}
			}
			n := &virtualNet{r: r, latency: time.Millisecond, agent: &virtualAgent{next: lexicographic(&names), size: 1200, names: &names}}
			e, x := virtualEngine(n)
			for pass := range 5 {
				got, err := walked(x, &Plan{Walk: []snmp.OID{snmp.MustParseOID("1.3.9.1")}, Columns: columns, Params: virtualParams(1)})
				if err != nil || len(got) != len(want) {
					t.Fatalf("pass %d: %v, got %v, want %v", pass, err, got, want)
				}
			}
			_ = e.Close()
		}
	})
}
