package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Columns of which the agent says nothing, or no answer, cost no more than themselves, in every pass:
// whatever else was asked for arrives, and the target is well.
func TestBadColumnsBesideGoodOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	synctest.Test(t, func(t *testing.T) {
		for trial := range trials(t, 300) {
			r := rand.New(rand.NewPCG(r.Uint64(), 0))
			var columns, names []snmp.OID
			var want, bad []string
			rows := 1 + r.IntN(200)
			for c := range 2 + r.IntN(6) {
				column := snmp.MustParseOID(fmt.Sprintf("1.3.9.%d.1.%d", 1+c/4, 1+c))
				columns = append(columns, column)
				if broken := r.IntN(3) == 0; broken {
					bad = append(bad, column.String())
				}
				for row := range rows {
					name := snmp.AppendArc(slices.Clone(column), uint32(row+1))
					names = append(names, name)
					if !slices.Contains(bad, column.String()) {
						want = append(want, name.String())
					}
				}
			}
			garbage := r.IntN(2) == 0
			n := &virtualNet{r: r, latency: time.Millisecond, agent: &virtualAgent{next: lexicographic(&names), size: 1200, names: &names}}
			n.agent.upsets = func(o snmp.OID) bool {
				return slices.ContainsFunc(bad, func(c string) bool { return o.HasPrefix(snmp.MustParseOID(c)) })
			}
			if garbage {
				n.agent.garbage = []byte{0x30, 0x82, 0xff, 0, 0}
			}
			e, x := virtualEngine(n)
			for pass := range 4 {
				got, err := walked(x, &Plan{Walk: columns, Columns: columns, Params: virtualParams(r.IntN(4))})
				var failed []string
				for _, e := range access.Errors(err) {
					if e.TargetFailed() || (e.Reason != access.Timeout && e.Reason != access.Malformed) {
						t.Fatalf("trial %d pass %d: %v", trial, pass, err)
					}
					failed = append(failed, e.OID.String())
				}
				if !slices.Equal(got, want) || !slices.Equal(failed, bad) {
					t.Fatalf("trial %d pass %d: %d rows, want %d; incomplete %v, want %v: %v", trial, pass, len(got), len(want), failed, bad, err)
				}
			}
			_ = e.Close()
		}
	})
}

// A target that falls silent in the middle of a pass has failed, and so has one that never answers, in no
// more than twice the time that the requests themselves have.
func TestSilentTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for answers := range 14 {
			n, plan := virtualDevice(3, 200)
			plan.Params = virtualParams(answers % 4)
			if n.agent.answers = answers; answers == 0 {
				n.agent.upsets = func(snmp.OID) bool { return true }
			}
			e, x := virtualEngine(n)
			began := time.Now()
			_, err := walked(x, plan)
			var failed *access.Error
			if !errors.As(err, &failed) || !failed.TargetFailed() || failed.Reason != access.Timeout {
				t.Errorf("silent after %d answers: %v", answers, err)
			}
			if took, most := time.Since(began), 2*time.Duration(answers%4+1)*time.Second+time.Second; took > most {
				t.Errorf("silent after %d answers: ends after %s, want at most %s", answers, took, most)
			}
			_ = e.Close()
		}
	})
}

// A target that answers and then times out, or answers too late, within one poll is up: the values
// received are kept, the rest is incomplete, and the poll ends without waiting for each remaining
// request.
func TestTargetsThatFallSilentInAPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for answers := 1; answers < 14; answers++ {
			n, plan := virtualDevice(3, 200)
			plan.Params = virtualParams(answers % 4)
			n.agent.answers = answers
			e, x := virtualEngine(n)
			ctx := mux.WithProgress(t.Context(), mux.NewProgress(func() {}))
			began := time.Now()
			_, err := x.Poll(ctx, plan, func(snmp.VarBind) {})
			list := access.Errors(err)
			for _, e := range list {
				if e.TargetFailed() || e.OID == nil || e.Reason != access.Timeout {
					t.Errorf("silent after %d answers: %v, reason %s", answers, e, e.Reason)
				}
			}
			if len(list) == 0 || len(list) > len(plan.Columns) {
				t.Errorf("silent after %d answers: %v", answers, err)
			}
			if took, most := time.Since(began), 2*time.Duration(answers%4+1)*time.Second+time.Second; took > most {
				t.Errorf("silent after %d answers: ends after %s, want at most %s", answers, took, most)
			}
			_ = e.Close()
		}
	})
}
