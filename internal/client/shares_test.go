package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/sharing"
	"trapline/internal/snmp"
)

// erringAgent answers requests that meet some of its instances with an error-status.
type erringAgent struct {
	table
	status snmp.ErrorStatus
	index  func(culprit int) int32

	mu    sync.Mutex
	fails map[string]bool
}

func newErringAgent(r *rand.Rand) *erringAgent {
	d := &erringAgent{status: []snmp.ErrorStatus{snmp.GenErr, snmp.NoSuchName, snmp.NoAccess}[r.IntN(3)]}
	d.index = []func(int) int32{
		func(culprit int) int32 { return int32(culprit) + 1 },
		func(int) int32 { return 0 },
		func(int) int32 { return 1 },
	}[r.IntN(3)]
	for n := range 20 {
		if r.IntN(4) > 0 {
			d.table = append(d.table, number(fmt.Sprintf("1.3.6.1.2.1.1.%d.0", n+1), r.Int64N(1000)))
		}
	}
	for t := range 4 {
		rows, columns := r.IntN(6)*r.IntN(6)*r.IntN(4), 1+r.IntN(5)
		for c := range columns {
			for row := range rows {
				if r.IntN(8) > 0 {
					d.table = append(d.table, number(fmt.Sprintf("1.3.6.1.2.1.%d.1.1.%d.%d", t+2, c+1, 3*row+2), r.Int64N(1000)))
				}
			}
		}
	}
	d.change(r)
	return d
}

// change draws anew which instances err.
func (d *erringAgent) change(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = map[string]bool{}
	for range r.IntN(4) {
		if len(d.table) > 0 {
			d.fails[string(d.table[r.IntN(len(d.table))].Name)] = true
		}
	}
}

// has reports whether a line is that of a module and an instance of the device.
func (d *erringAgent) has(l string) bool {
	return slices.ContainsFunc(d.table, func(v snmp.VarBind) bool { return strings.HasSuffix(l, " "+line(v)) })
}

func (d *erringAgent) answer(q question) [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := q.oids()
	list := make([]snmp.VarBind, 0, len(names))
	switch q.PDU {
	case snmp.GetRequest:
		for _, o := range names {
			list = append(list, d.get(o))
		}
	case snmp.GetNextRequest:
		list = d.bulk(names, 1)
	default:
		list = d.bulk(names, int(q.ErrorIndex))
	}
	for i, v := range list {
		if d.fails[string(v.Name)] {
			return datagrams(q.refusal(d.status, d.index(i%len(names))))
		}
	}
	return datagrams(q.response(list[:min(len(list), 60)]...))
}

// randomModules want instances and columns at random, many of them the same.
func randomModules(r *rand.Rand) (list []*collector.Module) {
	for n := range 2 + r.IntN(4) {
		m := &collector.Module{Name: fmt.Sprint("m", n)}
		for _, at := range r.Perm(22)[:r.IntN(8)] {
			m.Plan.Get = append(m.Plan.Get, oid(fmt.Sprintf("1.3.6.1.2.1.1.%d.0", at+1)))
		}
		for _, t := range r.Perm(5)[:r.IntN(4)] {
			for c := range 6 {
				if r.IntN(3) > 0 {
					m.Plan.Walk = append(m.Plan.Walk, oid(fmt.Sprintf("1.3.6.1.2.1.%d.1.1.%d", t+2, c+1)))
				}
			}
		}
		slices.SortFunc(m.Plan.Walk, snmp.OID.Compare)
		list = append(list, m)
	}
	return list
}

// modulesResult is what modules receive in one poll, with the numbers of requests.
type modulesResult struct {
	lines   []string
	packets int
	bad     string
}

func pollModules(ctx context.Context, s collector.Session, modules []*collector.Module) (r modulesResult) {
	for _, m := range modules {
		got := map[string]bool{} // a binding may arrive twice, with the same value
		yields := 0
		stats, err := s.Poll(ctx, &m.Plan, func(v snmp.VarBind) { got[m.Name+" "+line(v)] = true; yields++ })
		r.packets += stats.Packets
		if stats.VarBinds != yields {
			r.bad = fmt.Sprintf("module %s counts %d bindings of %d", m.Name, stats.VarBinds, yields)
		}
		for _, e := range access.Errors(err) {
			got[fmt.Sprintf("%s %s %s %s after %s: %v", m.Name, e.Op, e.Reason, e.OID, e.Last, e.Err)] = true
		}
		for l := range got {
			r.lines = append(r.lines, l)
		}
	}
	slices.Sort(r.lines)
	return r
}

// Twenty polls of modules that share requests return what polls of each module by itself do, whatever instances err.
func TestSharingChangesNoAnswer(t *testing.T) {
	shared, alone := 0, 0
	for seed := range uint64(lawTrials(rarely(100))) {
		r := rand.New(rand.NewPCG(seed, 71))
		device := newErringAgent(r)
		a := newAgent(t, device.answer)
		modules := randomModules(r)
		params := func(*collector.Module) *client.Params { return &client.Params{} }
		with, without := target(t, client.Spec{Address: a.address}), target(t, client.Spec{Address: a.address})
		for n := range 20 {
			changed := r.IntN(5) == 0
			if changed {
				device.change(r)
			}
			want := pollModules(t.Context(), without, modules)
			got := pollModules(t.Context(), sharing.Session(with, modules, params), modules)
			if changed { // of a column that is not whole any more, there may be rows that an agent names only for it alone
				got.lines = slices.DeleteFunc(got.lines, func(l string) bool { return device.has(l) && !slices.Contains(want.lines, l) })
			}
			if !slices.Equal(got.lines, want.lines) {
				t.Fatalf("seed %d, poll %d: received is\n%q\nwant\n%q", seed, n, missing(got.lines, want.lines), missing(want.lines, got.lines))
			}
			if got.bad+want.bad != "" {
				t.Fatalf("seed %d, poll %d: %s%s", seed, n, got.bad, want.bad)
			}
			shared, alone = shared+got.packets, alone+want.packets
		}
	}
	if t.Logf("%d packets, without sharing %d", shared, alone); shared >= alone {
		t.Error("sharing saves nothing")
	}
}

// missing are the lines of a that b has not.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return slices.Contains(b, l) })
}
