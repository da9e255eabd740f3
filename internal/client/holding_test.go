package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// An endless column of long values must fail alone with too_many; columns beside it must be
// complete, and nothing may be held after the poll.
func TestEndlessColumns(t *testing.T) {
	for _, long := range []int{20, 1200, 60_000} {
		synctest.Test(t, func(t *testing.T) {
			endless := snmp.MustParseOID("1.3.9.1.2")
			columns, names := grid(3, 40)
			names = slices.DeleteFunc(names, func(o snmp.OID) bool { return o.HasPrefix(endless) })
			rest := lexicographic(&names)
			value := make([]byte, long)
			n := &virtualNet{r: rand.New(rand.NewPCG(1, 1)), latency: time.Millisecond, agent: &virtualAgent{size: 65_000}}
			n.agent.octets = func(o snmp.OID) []byte {
				if o.HasPrefix(endless) {
					return value
				}
				return []byte{1}
			}
			row := uint32(0)
			n.agent.next = func(o snmp.OID) snmp.OID {
				if o.HasPrefix(endless) {
					row++
					return snmp.AppendArc(slices.Clone(endless), row)
				}
				return rest(o)
			}
			e, x := virtualEngine(n)
			defer e.Close()
			plan := &Plan{Walk: columns, Columns: columns, Params: virtualParams(1)}
			plan.Params.MaxBytes = 1 << 20
			for pass := range 3 {
				row = 0
				got, most := 0, int64(0)
				_, err := x.Poll(context.Background(), plan, func(v snmp.VarBind) {
					got++
					most = max(most, e.holds.held.Load())
				})
				var failed *access.Error
				if list := access.Errors(err); len(list) != 1 || !errors.As(err, &failed) || failed.Reason != access.TooMany || failed.OID.Compare(endless) != 0 || !failed.Dropped {
					t.Fatalf("%d octets, pass %d: %v", long, pass, err)
				}
				if got != 80 || most > 1<<20 {
					t.Errorf("%d octets, pass %d: %d bindings, %d octets held", long, pass, got, most)
				}
				if held := e.holds.held.Load(); held != 0 {
					t.Errorf("%d octets, pass %d: %d are held in the end", long, pass, held)
				}
			}
		})
	}
}

// However many hold how much: all of them together stay within the total, and a column of common size is
// never refused.
func TestHoldings(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		all := &total{}
		all.max.Store(int64(1<<20 + r.IntN(1<<24)))
		type column struct {
			holding *holding
			part    int64
		}
		var columns []*column
		var holdings []*holding
		for range 1 + r.IntN(10) {
			h := &holding{total: all, max: int64(1<<20 + r.IntN(1<<24))}
			holdings = append(holdings, h)
			for range 1 + r.IntN(20) {
				columns = append(columns, &column{holding: h})
			}
		}
		free := int64(len(columns)) * freeBytes
		for range 2000 {
			c := columns[r.IntN(len(columns))]
			n := r.IntN(60_000)
			if ok := c.holding.add(&c.part, n); !ok {
				if c.part <= freeBytes && c.holding.held.Load()-c.part < c.holding.max {
					t.Fatalf("a column of %d octets is refused", c.part)
				}
				c.holding.release(&c.part)
			}
			if held := all.held.Load(); held > all.max.Load()+free {
				t.Fatalf("%d octets are held, and %d may be", held, all.max.Load())
			}
			for _, h := range holdings {
				if held := h.held.Load(); held > h.max+freeBytes {
					t.Fatalf("%d octets are held of a target, and %d may be", held, h.max)
				}
			}
		}
		for _, h := range holdings {
			h.close()
		}
		if held := all.held.Load(); held != 0 {
			t.Fatal(fmt.Errorf("%d octets are held in the end", held))
		}
	}
}

// Outstanding requests may hold the segments of a dropped column, but not their contents.
func TestADroppedColumnKeepsNothing(t *testing.T) {
	h := &holding{total: &total{}, max: 1 << 20}
	c := &column{walk: &tableWalk{holding: h}, segments: []segment{{rows: 1, data: make([]byte, 100)}, {rows: 2, data: make([]byte, 200)}}}
	h.add(&c.held, 300)
	asked := []*segment{&c.segments[0], &c.segments[1]}
	c.dropSegments()
	for _, g := range asked {
		if g.data != nil || g.rows != 0 || !g.stale {
			t.Errorf("%d octets of %d rows are kept", len(g.data), g.rows)
		}
	}
	if h.held.Load() != 0 || c.held != 0 {
		t.Errorf("%d octets are counted", h.held.Load())
	}
}
