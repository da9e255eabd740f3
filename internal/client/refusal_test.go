package client_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// wide is a plan that has many requests before a target at once.
func wide() client.Plan {
	plan := client.Plan{Params: patient(10)}
	for c := range 40 {
		plan.Walk = append(plan.Walk, oid(fmt.Sprintf("1.3.6.1.4.1.%d.1.1.1", c)))
	}
	return plan
}

// With a wrong user the agent must receive one request per poll, except for a first one that
// determines the cause.
func TestPeersRefusedUsersAreBounded(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	counted := func(kind snmp.ReportKind) int64 {
		plan := client.Plan{Get: []snmp.OID{kind.OID()}, Params: patient(25)}
		var n int64
		if _, err := target(t, client.Spec{Address: snmpd.Address}).Poll(t.Context(), &plan, func(v snmp.VarBind) { n, _ = v.Int() }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for kind, change := range map[snmp.ReportKind]func(*access.Auth){
		snmp.WrongDigest:              func(a *access.Auth) { a.Password = "wrong-password" },
		snmp.UnknownUserName:          func(a *access.Auth) { a.Username = "nobody" },
		snmp.UnsupportedSecurityLevel: func(a *access.Auth) { a.Username = "usr-none-none" },
	} {
		for _, name := range bothEngines {
			a := authOf(shaAES)
			change(a)
			x := target(t, client.Spec{Engine: name, Address: snmpd.Address, Auth: a})
			before := counted(kind)
			const polls = 5
			for n := range polls {
				r := poll(t, x, wide())
				if want := 1 + max(1-n, 0); r.stats.Packets != want || len(r.errors) != 1 {
					t.Errorf("%v %s: poll %d takes %d packets, want %d: %v", kind, name, n+1, r.stats.Packets, want, r.err)
				}
			}
			if n := counted(kind) - before; n != polls {
				t.Errorf("%v %s: the agent counts %d in %d polls", kind, name, n, polls)
			}
		}
	}
}

// A password that the device changes while many requests are under way makes it discovered anew, once.
func TestRefusalAfterAcceptance(t *testing.T) {
	for _, name := range bothEngines {
		a := newAgent3(t, shaAES)
		x := target(t, a.spec(shaAES, name))
		for range 3 {
			poll(t, x, wide()).wantErrors(t)
		}
		a.change(func(a *agent3) { a.refusal = snmp.WrongDigest })
		a.asked()
		for n := range 4 {
			poll(t, x, wide()).wantErrors(t, "walk wrong_digest")
			discoveries, requests := 0, a.asked()
			for _, h := range requests {
				if len(h.EngineID) == 0 {
					discoveries++
				}
			}
			switch {
			case n == 0 && (discoveries != 1 || len(requests) > mux.DefaultWindow+2):
				t.Errorf("%s: %d requests, %d discoveries", name, len(requests), discoveries)
			case n > 0 && len(requests) != 1:
				t.Errorf("%s: %d requests in poll %d", name, len(requests), n+1)
			}
		}
		a.change(func(a *agent3) { a.refusal = snmp.UnknownReport })
		poll(t, x, wide()).wantErrors(t) // once it is accepted, nothing is left of it
	}
}

// Polls at the same time share a refusal.
func TestRefusalOfConcurrentPolls(t *testing.T) {
	a := newAgent3(t, shaAES)
	a.change(func(a *agent3) { a.refusal = snmp.UnknownUserName })
	x := target(t, a.spec(shaAES, ""))
	poll(t, x, wide())
	a.asked()
	a.mu.Lock() // until all have asked
	var polls sync.WaitGroup
	const n = 10
	for range n {
		polls.Go(func() { poll(t, x, wide()).wantErrors(t, "walk unknown_user") })
	}
	x.AwaitWaiting(t.Context(), n)
	a.mu.Unlock()
	polls.Wait()
	if requests := a.asked(); len(requests) != 1 {
		t.Errorf("%d requests of %d polls", len(requests), n)
	}
}

// After a while the cause of a refusal is looked for again.
func TestRefusalIsForgotten(t *testing.T) {
	for _, name := range bothEngines {
		a := newAgent3(t, shaAES)
		a.change(func(a *agent3) { a.refusal = snmp.WrongDigest })
		x := target(t, a.spec(shaAES, name))
		poll(t, x, wide())
		for _, want := range []int{1, 3, 1} {
			a.asked()
			poll(t, x, wide()).wantErrors(t, "walk wrong_digest")
			if n := len(a.asked()); n != want {
				t.Errorf("%s: %d requests, want %d", name, n, want)
			}
			if want == 1 {
				x.ForgetRefusal(10 * time.Minute)
			}
		}
	}
}

// Only the agent, and only with a response to a request, may set its cached clock.
func TestForeignReportsDoNotMoveTheClock(t *testing.T) {
	var recorded []byte
	for name, report := range map[string]func(q question3) []byte{
		"unsigned":             func(q question3) []byte { return q.report(snmp.NotInTimeWindow, q.agent.nobody, 99) },
		"unsigned, boots back": func(q question3) []byte { return q.report(snmp.NotInTimeWindow, q.agent.nobody, 1) },
		"of another request":   func(q question3) []byte { q.ID++; return q.report(snmp.NotInTimeWindow, q.agent.security, 99) },
		"recorded":             func(question3) []byte { return recorded },
	} {
		for _, e := range bothEngines {
			a := newAgent3(t, shaAES)
			x := target(t, a.spec(shaAES, e))
			a.change(func(a *agent3) {
				a.before = func(q question3) [][]byte {
					recorded = q.report(snmp.NotInTimeWindow, a.security, 99)
					return nil
				}
			})
			poll(t, x, wide()).wantErrors(t)
			a.change(func(a *agent3) { a.before = func(q question3) [][]byte { return datagrams(report(q)) } })
			r := poll(t, x, wide())
			if e == "" || name == "recorded" || name == "of another request" {
				r.wantErrors(t)
			}
			if got := x.Boots(); got != 7 {
				t.Errorf("%s %s: boots are %d", name, e, got)
			}
			a.asked()
			a.change(func(a *agent3) { a.before = nil })
			poll(t, x, wide()).wantErrors(t)
			for _, h := range a.asked() {
				if len(h.EngineID) > 0 && (h.Boots != 7 || h.Time < 1000 || h.Time > 1100) {
					t.Errorf("%s %s: a request has boots %d and time %d", name, e, h.Boots, h.Time)
				}
			}
		}
	}
}

// The Report that sets the clock may come twice, or late.
func TestReportThatComesTwice(t *testing.T) {
	a := newAgent3(t, shaAES)
	x := target(t, a.spec(shaAES, ""))
	poll(t, x, wide()).wantErrors(t)
	a.change(func(a *agent3) {
		a.boots = 8
		var late []byte
		a.before = func(q question3) [][]byte {
			if q.Boots == 8 {
				return datagrams(late)
			}
			late = q.report(snmp.NotInTimeWindow, a.security, 8)
			return datagrams(late)
		}
	})
	plan := wide()
	plan.Get, plan.Walk = walkOf(sysName), nil
	r := poll(t, x, plan)
	r.wantErrors(t)
	if x.Boots() != 8 || r.stats.Packets != 2 {
		t.Errorf("boots are %d after %d packets", x.Boots(), r.stats.Packets)
	}
}

// An agent that reports notInTimeWindows without authentication, as some do whose clock was never set, sends
// no malformed message: the reason is the Report's.
func TestTimeWindowReportsWithoutAuthentication(t *testing.T) {
	for _, name := range bothEngines {
		a := newAgent3(t, shaAES)
		a.change(func(a *agent3) { a.boots, a.refusal = 0, snmp.NotInTimeWindow })
		r := poll(t, target(t, a.spec(shaAES, name)), briefly)
		for _, e := range r.errors {
			if e.Reason != access.NotInTimeWindow {
				t.Errorf("%q: %s: %v", name, e.Reason, e)
			}
		}
		if r.err == nil || !strings.Contains(r.err.Error(), "usmStatsNotInTimeWindows") {
			t.Errorf("%q: %v", name, r.err)
		}
	}
}
