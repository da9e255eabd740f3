package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// chain is the successor function of an agent with names in arbitrary order. The successor of an
// unknown name is the first one in its subtree, or else the next in lexicographic order.
func chain(names []snmp.OID) successor {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, snmp.OID.Compare)
	return func(o snmp.OID) snmp.OID {
		if i := slices.IndexFunc(names, func(n snmp.OID) bool { return n.Compare(o) == 0 }); i >= 0 {
			if i+1 < len(names) {
				return names[i+1]
			}
			return nil
		}
		if i := slices.IndexFunc(names, func(n snmp.OID) bool { return n.HasPrefix(o) }); i >= 0 {
			return names[i]
		}
		return lexicographic(&sorted)(o)
	}
}

// An agent that answers row by row, or in another order, is not_increasing in every pass: never complete
// with a part of its rows. If any order is allowed, all rows come.
func TestNamesInAnOrderOfTheirOwn(t *testing.T) {
	root := snmp.MustParseOID("1.3.9")
	name := func(column, row int) snmp.OID { return snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d.%d", column, row)) }
	var byRow, swapped, jumps []snmp.OID
	for row := range 10 {
		byRow = append(byRow, name(1, row+1), name(3, row+1))
	}
	for _, c := range []int{1, 3} {
		for _, row := range []int{2, 1, 3, 4, 5} {
			swapped = append(swapped, name(c, row))
		}
		for _, row := range []int{1, 2, 3, 10, 11, 4, 5, 6} {
			jumps = append(jumps, name(c, row))
		}
	}
	for what, names := range map[string][]snmp.OID{"row by row": byRow, "two rows swapped": swapped, "rows as text": jumps} {
		synctest.Test(t, func(t *testing.T) {
			all := append(slices.Clone(names), snmp.MustParseOID("1.3.10.1"))
			n := &virtualNet{r: rand.New(rand.NewPCG(1, 1)), latency: time.Millisecond, agent: &virtualAgent{next: chain(all), size: 1200}}
			e, x := virtualEngine(n)
			defer e.Close()
			plan := &Plan{Walk: []snmp.OID{root}, Columns: []snmp.OID{snmp.MustParseOID("1.3.9.1.1"), snmp.MustParseOID("1.3.9.1.3")}, Params: virtualParams(1)}
			for pass := range 4 {
				list := access.Errors(errorOf(walked(x, plan)))
				if len(list) == 0 || slices.ContainsFunc(list, func(e *access.Error) bool { return e.Reason != access.NotIncreasing }) {
					t.Errorf("%s, pass %d: %v", what, pass, list)
				}
			}
			plan.Params.AllowNonIncreasingOIDs = true
			if got, err := walked(x, plan); err != nil || !slices.Equal(got, texts(names)) {
				t.Errorf("%s: %v in any order, %v", what, got, err)
			}
		})
	}
}

func errorOf(_ []string, err error) error { return err }

// A row that comes again at once costs nothing but itself, and one that comes again and again ends the walk.
func TestRepeatedRows(t *testing.T) {
	root := snmp.MustParseOID("1.3.9")
	for _, repeats := range []int{1, 2, 1000} {
		synctest.Test(t, func(t *testing.T) {
			_, names := grid(1, 8)
			next := lexicographic(&names)
			again := 0
			agent := &virtualAgent{size: 1200}
			agent.next = func(o snmp.OID) snmp.OID {
				if strings.HasSuffix(o.String(), ".5") && again < repeats {
					again++
					return o
				}
				return next(o)
			}
			n := &virtualNet{r: rand.New(rand.NewPCG(1, 1)), latency: time.Millisecond, agent: agent}
			e, x := virtualEngine(n)
			defer e.Close()
			plan := &Plan{Walk: []snmp.OID{root}, Params: virtualParams(1)}
			plan.Params.AllowNonIncreasingOIDs = true
			got, err := walked(x, plan)
			if repeats < 1000 && (err != nil || !slices.Equal(got, texts(names))) {
				t.Errorf("%d repeats: %v, %v", repeats, got, err)
			}
			if list := access.Errors(err); repeats == 1000 && (len(list) != 1 || list[0].Reason != access.NotIncreasing || len(got) != 5) {
				t.Errorf("endless repeats: %v, %v", got, err)
			}
		})
	}
}

// An answer that comes after its request was given up is late, and does not make the target silent.
func TestAnswersAfterTheTimeoutAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(1, 10)
		e, x := virtualEngine(n)
		defer e.Close()
		n.latency = 1500 * time.Millisecond // 3 s for a round trip
		plan.Params = virtualParams(0)
		plan.Alone = true
		for range 2 {
			_, _ = x.Poll(context.Background(), plan, func(snmp.VarBind) {})
			time.Sleep(time.Second)
		}
		plan.Alone = false
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		plan.Walk, plan.Columns = append(plan.Walk, snmp.MustParseOID("1.3.9.1.7")), append(plan.Columns, snmp.MustParseOID("1.3.9.1.7"))
		_, err := x.Poll(ctx, plan, func(snmp.VarBind) {})
		for _, e := range access.Errors(err) {
			if e.Reason != access.Late || e.TargetFailed() {
				t.Errorf("%v, reason %s", e, e.Reason)
			}
		}
		if err == nil {
			t.Error("no error")
		}
	})
}
