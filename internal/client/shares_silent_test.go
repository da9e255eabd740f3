package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/sharing"
	"trapline/internal/snmp"
)

// pollAll polls modules one after the other as the poller does: none once the target failed, or the time is over. It
// returns what arrived, and whether the target answered.
func pollAll(ctx context.Context, s collector.Session, modules []*collector.Module) (lines []string, up bool) {
	for _, m := range modules {
		if ctx.Err() != nil {
			break
		}
		_, err := s.Poll(ctx, &m.Plan, func(v snmp.VarBind) { lines = append(lines, m.Name+" "+line(v)) })
		if slices.ContainsFunc(access.Errors(err), (*access.Error).TargetFailed) {
			break
		}
		up = true
	}
	return lines, up
}

// quietModules are modules of instances and of small columns, and all names that they ask for.
func quietModules(r *rand.Rand) (modules []*collector.Module, names []snmp.OID) {
	for n := range 2 + r.IntN(3) {
		m := &collector.Module{Name: fmt.Sprint("m", n)}
		for i := range r.IntN(25) {
			o := oid(fmt.Sprintf("1.3.6.1.2.1.%d.%d.0", n+2, i+1))
			names, m.Plan.Get = append(names, o), append(m.Plan.Get, o)
		}
		for c := range r.IntN(6) {
			o := oid(fmt.Sprintf("1.3.6.1.2.1.%d.1.%d.1.%d", n+20, 1+c/3, c+1))
			m.Plan.Walk = append(m.Plan.Walk, o)
			for row := range 3 {
				names = append(names, snmp.AppendArc(slices.Clone(o), uint32(row+1)))
			}
		}
		modules = append(modules, m)
	}
	slices.SortFunc(names, snmp.OID.Compare)
	return modules, names
}

// owner is the name of the module that asks for something below a name.
func owner(modules []*collector.Module, below snmp.OID) string {
	for _, m := range modules {
		if slices.ContainsFunc(slices.Concat(m.Plan.Get, m.Plan.Walk), func(o snmp.OID) bool { return o.HasPrefix(below) }) {
			return m.Name
		}
	}
	return ""
}

// A name that a device stops answering to costs the modules that do not ask for it no values for longer than one poll,
// however little time polls have. The module that asks for it has learned the same some polls later.
func TestSilentModulesCostOthersNothing(t *testing.T) {
	for seed := range uint64(lawTrials(rarely(60))) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 72))
			modules, names := quietModules(r)
			if len(names) == 0 {
				return
			}
			upset := names[r.IntN(len(names))].Parent()
			of := owner(modules, upset)
			var silent bool
			open := func() *client.Target {
				c, x := client.VirtualTarget(names, func(o snmp.OID) bool { return silent && o.HasPrefix(upset) })
				t.Cleanup(func() { c.Close() })
				return x
			}
			with, without := open(), open()
			interval := time.Duration(6+r.IntN(30)) * time.Second
			params := func(*collector.Module) *client.Params { return &client.Params{} }
			one := func(shared bool) (lines []string, up bool) {
				ctx, cancel := context.WithTimeout(client.WithProgress(t.Context(), client.NewProgress(func() {})), interval)
				defer cancel()
				if shared {
					return pollAll(ctx, sharing.Session(with, modules, params), modules)
				}
				return pollAll(ctx, without, modules)
			}
			for n := range 10 {
				silent = n >= 3
				got, up := one(true)
				want, wantUp := one(false)
				lost := slices.DeleteFunc(missing(want, got), func(l string) bool { return n < 9 && strings.HasPrefix(l, of+" ") })
				if n != 3 && (len(lost) > 0 || up != wantUp) {
					t.Fatalf("seed %d, poll %d of %s without %s: up is %v, want %v; %d of %d arrived: %q", seed, n, interval, upset, up, wantUp, len(got), len(want), lost)
				}
			}
		})
	}
}
