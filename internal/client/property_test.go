package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// trials is how many random agents a property is tried with: few in a common run of the tests, as many
// as TRAPLINE_TRIALS says in a long one.
func trials(t *testing.T, few int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("TRAPLINE_TRIALS")); err == nil {
		return n
	}
	return few
}

func virtualParams(retries int) Params {
	return Params{Retries: &retries, Timeout: setting.Duration{Duration: time.Second}}
}

// walked returns the result of a poll of columns, in order.
func walked(x *Target, p *Plan) (names []string, err error) {
	_, err = x.Poll(context.Background(), p, func(v snmp.VarBind) { names = append(names, v.Name.String()) })
	return names, err
}

// For any successor function of an agent, increasing or not, and any answer for names that it does
// not have: a poll in segments, cached from another function, must return the result of a strict
// walk, and an error if the strict walk loops.
func TestLearnedWalksEqualTheStrictWalk(t *testing.T) {
	n := trials(t, 2000)
	r := rand.New(rand.NewPCG(5, 6))
	equal, circles := 0, 0
	synctest.Test(t, func(t *testing.T) {
		for range n {
			r := rand.New(rand.NewPCG(r.Uint64(), 0)) // datagrams in transit belong to the trial
			network := &virtualNet{r: rand.New(rand.NewPCG(r.Uint64(), 0)), agent: &virtualAgent{size: 20 + r.IntN(200), tooBig: r.IntN(8) == 0}, latency: time.Millisecond}
			e, x := virtualEngine(network)
			most := uint32(1 + r.IntN(5))
			plan := &Plan{Walk: []snmp.OID{testColumn}, Columns: []snmp.OID{testColumn}, Params: virtualParams(1)}
			plan.Params.MaxRepetitions = &most
			for pass := range 20 {
				next := randomAgent(r)
				rows, strictErr := next.strict()
				network.change(func() { network.agent.next = next })
				got, err := walked(x, plan)
				switch {
				case (err == nil) != (strictErr == nil):
					t.Fatalf("pass %d: error %v, the strict walk's is %v, rows %v", pass, err, strictErr, rows)
				case err != nil:
					circles++
				case !slices.Equal(got, texts(rows)):
					t.Fatalf("pass %d: %v, want %v", pass, got, rows)
				default:
					equal++
				}
			}
			_ = e.Close()
		}
	})
	t.Logf("%d passes equal, %d with an error, as the strict walk has", equal, circles)
}

func texts(rows []snmp.OID) []string {
	list := make([]string, len(rows))
	for i, o := range rows {
		list[i] = o.String()
	}
	return list
}

// While passes are under way rows come and go between any two bindings, and the network loses,
// duplicates and reorders datagrams, and strangers send theirs. Every row that was there all the time is
// brought exactly once, no row twice, and none that never was.
func TestTablesThatChangeDuringAPass(t *testing.T) {
	n := trials(t, 200)
	r := rand.New(rand.NewPCG(7, 8))
	packets, failures := 0, 0
	synctest.Test(t, func(t *testing.T) {
		for trial := range n {
			r := rand.New(rand.NewPCG(r.Uint64(), 0)) // datagrams in transit belong to the trial
			w := newChangingTable(r)
			network := &virtualNet{
				r: r, agent: &virtualAgent{next: lexicographic(&w.names), size: 100 + r.IntN(1200)},
				latency: 5 * time.Millisecond, jitter: time.Duration(1+r.IntN(30)) * time.Millisecond,
			}
			if r.IntN(2) == 0 {
				network.loss, network.twice, network.forged = r.Float64()*0.2, r.Float64()*0.2, r.Float64()*0.3
			}
			network.agent.tooBig, network.agent.silent = r.IntN(6) == 0, r.IntN(12) == 0
			e, x := virtualEngine(network)
			plan := &Plan{Walk: w.columns, Columns: w.columns, Params: virtualParams(12)}
			for pass := range 20 {
				network.change(func() {
					if pass > 0 {
						network.agent.before = w.change
					}
					w.begin()
				})
				var got []string
				stats, err := x.Poll(context.Background(), plan, func(v snmp.VarBind) { got = append(got, v.Name.String()) })
				packets += stats.Packets
				if err != nil {
					failures++
					if network.loss == 0 {
						t.Fatalf("trial %d pass %d: %v", trial, pass, err)
					}
					continue
				}
				network.change(func() { err = w.judge(got) })
				if err != nil {
					t.Fatalf("trial %d pass %d: %v", trial, pass, err)
				}
			}
			_ = e.Close()
		}
	})
	t.Logf("%d passes, %d packets, %d passes failed", 20*n, packets, failures)
}

// changingTable is a table of some columns that has other rows at any moment.
type changingTable struct {
	r       *rand.Rand
	columns []snmp.OID
	names   []snmp.OID
	ever    map[string]bool // of the pass
	always  map[string]bool
}

func newChangingTable(r *rand.Rand) *changingTable {
	w := &changingTable{r: r}
	for c := range 1 + r.IntN(5) {
		w.columns = append(w.columns, snmp.MustParseOID(fmt.Sprintf("1.3.9.1.%d", c+1)))
	}
	rows := 1 + r.IntN(150)
	for range rows {
		index := w.index()
		for _, c := range w.columns {
			if r.IntN(10) > 0 {
				w.names = append(w.names, append(slices.Clone(c), index...))
			}
		}
	}
	w.names = append(w.names, snmp.MustParseOID("1.3.9.2.1"))
	slices.SortFunc(w.names, snmp.OID.Compare)
	w.names = slices.CompactFunc(w.names, func(a, b snmp.OID) bool { return a.Compare(b) == 0 })
	return w
}

// index has one or two numbers, of one to three octets.
func (w *changingTable) index() snmp.OID {
	o := snmp.AppendArc(nil, w.r.Uint32N([]uint32{100, 300, 20_000}[w.r.IntN(3)]))
	if w.r.IntN(3) == 0 {
		o = snmp.AppendArc(o, w.r.Uint32N(3))
	}
	return o
}

func (w *changingTable) begin() {
	w.ever, w.always = map[string]bool{}, map[string]bool{}
	for _, o := range w.names {
		w.ever[o.String()], w.always[o.String()] = true, true
	}
}

// change adds or removes a name, now and then.
func (w *changingTable) change() {
	if w.r.IntN(20) > 0 {
		return
	}
	if w.r.IntN(2) == 0 && len(w.names) > 1 {
		at := w.r.IntN(len(w.names) - 1) // the one behind the table stays
		delete(w.always, w.names[at].String())
		w.names = slices.Delete(w.names, at, at+1)
		return
	}
	o := append(slices.Clone(w.columns[w.r.IntN(len(w.columns))]), w.index()...)
	if at, found := slices.BinarySearchFunc(w.names, o, snmp.OID.Compare); !found {
		w.names = slices.Insert(w.names, at, o)
		w.ever[o.String()] = true
	}
}

func (w *changingTable) judge(got []string) error {
	seen := map[string]bool{}
	for _, name := range got {
		if seen[name] {
			return fmt.Errorf("%s came twice", name)
		}
		if !w.ever[name] {
			return fmt.Errorf("%s never was", name)
		}
		seen[name] = true
	}
	for name := range w.always {
		if !seen[name] && name != "1.3.9.2.1" {
			return fmt.Errorf("%s was there all the time, and did not come", name)
		}
	}
	return nil
}

// Rows that an agent cannot give are left out with an error that says so, as many as they may be up to
// maxSkips a column; all others come.
func TestHolesAreLeftOutAndReported(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	synctest.Test(t, func(t *testing.T) {
		for range trials(t, 100) {
			r := rand.New(rand.NewPCG(r.Uint64(), 0))
			w := newChangingTable(r)
			holes := map[string]bool{}
			for range 1 + r.IntN(2) {
				holes[w.names[r.IntN(len(w.names)-1)].String()] = true
			}
			network := &virtualNet{r: r, latency: time.Millisecond, agent: &virtualAgent{
				next: lexicographic(&w.names), size: 1200, broken: func(o snmp.OID) bool { return holes[o.String()] },
			}}
			e, x := virtualEngine(network)
			for range 20 {
				w.begin()
				got, err := walked(x, &Plan{Walk: w.columns, Columns: w.columns, Params: virtualParams(1)})
				var failed *access.Error
				if !errors.As(err, &failed) || failed.Reason != access.ErrorStatus {
					t.Fatalf("error %v, want that of %v", err, holes)
				}
				for _, name := range got {
					if holes[name] || !w.ever[name] {
						t.Fatalf("%s came", name)
					}
				}
			}
			_ = e.Close()
		}
	})
}
