package client_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

func TestWalks(t *testing.T) {
	var (
		end  = func(name string) snmp.VarBind { return snmp.VarBind{Name: oid(name), Type: snmp.EndOfMibView} }
		null = func(name string) snmp.VarBind { return snmp.VarBind{Name: oid(name), Type: snmp.Null} }
		// at returns an agent that answers like tab before the n-th request, and by f from then on.
		at = func(tab table, n int, f func(q question) [][]byte) func(question) [][]byte {
			return func(q question) [][]byte {
				if q.n < n {
					return tab.answer(q)
				}
				return f(q)
			}
		}
		status = func(s snmp.ErrorStatus, index int32) func(q question) [][]byte {
			return func(q question) [][]byte { return datagrams(q.refusal(s, index, null(q.oid.String()))) }
		}
		says = func(list ...snmp.VarBind) func(q question) [][]byte {
			return func(q question) [][]byte { return datagrams(q.response(list...)) }
		}
	)
	const c = columnOID
	outside := append(column(3), number("1.3.6.1.2.1.2.2.1.2.1", 1))
	for _, test := range []struct {
		name    string
		agent   func(question) [][]byte
		version int
		plan    client.Plan
		lines   int
		packets int
		errors  []string
		only    string // the engine that it is about; empty means both
	}{
		{name: "a whole column", agent: column(50).answer, lines: 50, packets: 6},
		{name: "ends outside the subtree", agent: outside.answer, lines: 3, packets: 1},
		{name: "v1 asks with GETNEXT and ends with noSuchName", version: 1, agent: func(q question) [][]byte {
			if q.PDU != snmp.GetNextRequest {
				return nil
			}
			list := column(3).after(q.oid, 1)
			if list[0].Type == snmp.EndOfMibView {
				return status(snmp.NoSuchName, 1)(q)
			}
			return says(list...)(q)
		}, lines: 3, packets: 4},
		{name: "v2c by a proxy that ends with noSuchName, as v1 does", agent: func(q question) [][]byte {
			if list := column(13).after(q.oid, int(q.ErrorIndex)); list[len(list)-1].Type == snmp.EndOfMibView {
				return status(snmp.NoSuchName, 1)(q)
			}
			return column(13).answer(q)
		}, lines: 13, packets: 1 + 2 + 1 + 2 + 1},
		{name: "genErr in the middle is not an end", agent: at(column(50), 2, status(snmp.GenErr, 1)), lines: 20, packets: 2 + 4,
			errors: []string{"walk error_status " + c + " after " + c + ".20"}},
		{name: "noAccess at once", agent: status(snmp.NoAccess, 1), packets: 4, errors: []string{"walk error_status " + c}},
		{name: "authorizationError of one object", agent: status(16, 1), packets: 4, errors: []string{"walk authorization " + c}},
		{name: "authorizationError of the message", agent: status(16, 0), packets: 1,
			plan:   client.Plan{Walk: walkOf(c, "1.3.6.1.2.1.1")},
			errors: []string{"walk authorization"}},
		{name: "all rows before one that cannot be read", agent: refusing(column(50), 18), lines: 17, packets: 1 + 2 + 1 + 1 + 1 + 1,
			errors: []string{"walk error_status " + c + " after " + c + ".17"}, only: access.Gosnmp},
		{name: "an object behind the subtree that cannot be read", agent: refusing(append(outside, number("1.3.6.1.2.1.2.2.1.3.1", 1)), 5), lines: 3, packets: 4},
		{name: "tooBig halves the repetitions", agent: func(q question) [][]byte {
			if q.ErrorIndex > 3 {
				return status(snmp.TooBig, 0)(q)
			}
			return column(6).answer(q)
		}, lines: 6, packets: 2 + 4},
		{name: "tooBig even for one", agent: status(snmp.TooBig, 0), packets: 4, errors: []string{"walk error_status " + c}},
		{name: "an empty list is asked for once more", agent: func(q question) [][]byte {
			if q.ErrorIndex == 10 {
				return says()(q)
			}
			return column(7).answer(q)
		}, lines: 7, packets: 3},
		{name: "an empty list for ever", agent: at(column(50), 2, says()), lines: 20, packets: 4,
			errors: []string{"walk empty_answer " + c + " after " + c + ".20"}},
		{name: "truncated answers", agent: func(q question) [][]byte {
			q.ErrorIndex = min(q.ErrorIndex, 3)
			return column(9).answer(q)
		}, lines: 9, packets: 4},
		{name: "the padding behind the end is no data", agent: func(q question) [][]byte {
			list := slices.Clone(column(4))
			for len(list) < int(q.ErrorIndex) {
				list = append(list, end(c+".4"))
			}
			return says(list...)(q)
		}, lines: 4, packets: 1},
		{name: "NULL is no value", agent: says(number(c+".1", 1), null(c+".2"), number(c+".3", 3), end(c+".3")), lines: 2, packets: 1},
		{name: "one OID for ever", agent: says(number(c+".1", 1)), lines: 1, packets: 2,
			errors: []string{"walk not_increasing " + c + " after " + c + ".1"}},
		{name: "disorder inside one answer", agent: says(number(c+".1", 1), number(c+".3", 3), number(c+".2", 2)), lines: 2, packets: 1,
			errors: []string{"walk not_increasing " + c + " after " + c + ".3"}},
		{name: "the same OID twice inside one answer", agent: says(number(c+".1", 1), number(c+".1", 1)), lines: 1, packets: 1,
			errors: []string{"walk not_increasing " + c + " after " + c + ".1"}},
		{name: "disorder that is allowed", agent: func(q question) [][]byte {
			if q.n == 0 {
				return says(number(c+".1", 1), number(c+".3", 3), number(c+".2", 2))(q)
			}
			return says(end(c + ".2"))(q)
		}, plan: client.Plan{Params: client.Params{AllowNonIncreasingOIDs: true}}, lines: 3, packets: 2},
		{name: "a circle, though disorder is allowed", agent: says(number(c+".1", 1), number(c+".3", 3), number(c+".2", 2)),
			plan: client.Plan{Params: client.Params{AllowNonIncreasingOIDs: true}}, lines: 3, packets: 2,
			errors: []string{"walk not_increasing " + c + " after " + c + ".2"}},
		{name: "an instance as root", agent: append(column(3), outside[3]).answer, plan: client.Plan{Walk: walkOf(c + ".2")}, lines: 1, packets: 2},
		{name: "an instance as root, in v1", version: 1, agent: column(3).answer, plan: client.Plan{Walk: walkOf(c + ".2")}, lines: 1, packets: 2},
		{name: "an empty subtree", agent: outside.answer, plan: client.Plan{Walk: walkOf("1.3.6.1.2.1.1")}, packets: 2},
		{name: "an empty subtree at the end of the MIB", agent: outside.answer, plan: client.Plan{Walk: walkOf("1.3.6.1.4")}, packets: 2},
		{name: "an instance as root at the end of the MIB", agent: outside.answer, plan: client.Plan{Walk: walkOf("1.3.6.1.2.1.2.2.1.2.1")}, lines: 1, packets: 2},
		{name: "two subtrees", agent: outside.answer, plan: client.Plan{Walk: walkOf(c, "1.3.6.1.2.1.2.2.1.2")}, lines: 4, packets: 2},
		{name: "the second subtree after an error in the first", agent: func(q question) [][]byte {
			if q.oid.HasPrefix(oid(c)) {
				return status(snmp.GenErr, 1)(q)
			}
			return outside.answer(q)
		}, plan: client.Plan{Walk: walkOf(c, "1.3.6.1.2.1.2.2.1.2")}, lines: 1, packets: 5, errors: []string{"walk error_status " + c}},
		{name: "to the end of the MIB", agent: outside.answer, plan: client.Plan{Walk: walkOf(c), ToEnd: true}, lines: 4, packets: 1},
		{name: "from the root of all", agent: append(table{number("0.1.1", 1), number("1.0.8802.1", 1)}, column(3)...).answer,
			plan: client.Plan{Walk: walkOf("0.0"), ToEnd: true}, lines: 5, packets: 1},
		{name: "a root of one number", agent: append(table{number("0.1.1", 1), number("1.0.8802.1", 1)}, column(3)...).answer,
			plan: client.Plan{Walk: walkOf("1")}, lines: 4, packets: 1},
		{name: "an empty root of one number", agent: column(3).answer, plan: client.Plan{Walk: walkOf("0")}, packets: 1},
		{name: "no repetitions means fifty", agent: func(q question) [][]byte {
			if q.ErrorIndex != 50 {
				t.Errorf("asked for %d repetitions", q.ErrorIndex)
			}
			return column(3).answer(q)
		}, plan: client.Plan{Params: patient(0)}, lines: 3, packets: 1, only: access.Gosnmp},
	} {
		t.Run(test.name, func(t *testing.T) {
			auth := access.DefaultAuth()
			if test.version != 0 {
				auth.Version = access.Version(test.version)
			}
			if test.plan.Walk == nil {
				test.plan.Walk = walkOf(c)
			}
			if test.plan.Params.MaxRepetitions == nil {
				test.plan.Params = test.plan.Params.WithDefaults(patient(10))
			}
			for _, name := range []string{access.Gosnmp, ""} {
				if test.only != "" && test.only != name {
					continue
				}
				r := poll(t, target(t, client.Spec{Engine: name, Address: newAgent(t, test.agent).address, Auth: &auth}), test.plan)
				r.wantErrors(t, test.errors...)
				r.wantLines(t, test.lines)
				// Our own engine asks otherwise: less at once where it expects less.
				if r.stats.Retries != 0 || (name == access.Gosnmp && r.stats.Packets != test.packets) {
					t.Errorf("%s: %d packets with %d retries, want %d", name, r.stats.Packets, r.stats.Retries, test.packets)
				}
			}
		})
	}
}

// refusing answers with genErr whenever the answer would hold the n-th row.
func refusing(rows table, n int) func(question) [][]byte {
	return func(q question) [][]byte {
		for _, v := range rows.after(q.oid, int(q.ErrorIndex)) {
			if bytes.Equal(v.Name, rows[n-1].Name) {
				return datagrams(q.refusal(snmp.GenErr, 1, v))
			}
		}
		return rows.answer(q)
	}
}

func TestWalkHasALimit(t *testing.T) {
	endless := func(q question) [][]byte {
		next := snmp.AppendArc(slices.Clone(q.oid), 1)
		return datagrams(q.response(snmp.VarBind{Name: next, Type: snmp.Integer, Value: []byte{1}}))
	}
	e := client.New(client.Options{MaxVarBinds: 20})
	defer e.Close()
	x, err := e.Target(client.Spec{Engine: access.Gosnmp, Address: newAgent(t, endless).address})
	if err != nil {
		t.Fatal(err)
	}
	r := poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: patient(10)})
	r.wantErrors(t, "walk too_many "+columnOID+" after "+columnOID+".1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1")
	r.wantLines(t, 20)
}

func TestWalkEndsWhereItsModuleSays(t *testing.T) {
	x := target(t, client.Spec{Engine: access.Gosnmp, Address: newAgent(t, column(100).answer).address})
	rows, requests := patient(10), patient(10)
	rows.MaxRows, requests.MaxRequests = 25, 3
	r := poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: rows})
	r.wantErrors(t, "walk too_many "+columnOID+" after "+columnOID+".25")
	r.wantLines(t, 25)
	r = poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: requests})
	r.wantErrors(t, "walk too_many "+columnOID+" after "+columnOID+".30")
	r.wantLines(t, 30)
}

func TestWalkEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	silent := newAgent(t, func(q question) [][]byte {
		if q.n == 1 {
			cancel()
			return nil
		}
		return column(100).answer(q)
	})
	// Nothing but the cancellation ends this wait within the time of a test.
	r := pollContext(ctx, target(t, client.Spec{Engine: access.Gosnmp, Address: silent.address}), client.Plan{Walk: walkOf(columnOID), Params: params(1<<40, 5, 10)})
	r.wantErrors(t, "walk canceled "+columnOID+" after "+columnOID+".10")
	r.wantLines(t, 10)
}

func TestErrorsOfAWalkAsText(t *testing.T) {
	a := newAgent(t, func(q question) [][]byte {
		if q.n > 0 {
			return datagrams(q.refusal(snmp.GenErr, 1, number(columnOID, 0)))
		}
		return column(3).answer(q)
	})
	r := poll(t, target(t, client.Spec{Engine: access.Gosnmp, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: patient(2)})
	want := fmt.Sprintf("error walking target %s: %s ends after %s.2: agent answers genErr", a.address, columnOID, columnOID)
	if r.err == nil || r.err.Error() != want {
		t.Errorf("%v, want %s", r.err, want)
	}
}

// A binding that cannot be read is left out and counted. If only its value cannot be read, the walk goes on
// behind its name; if an answer has no name, the walk ends: the same request would have the same answer.
func TestWalkPastUnreadableBindings(t *testing.T) {
	rows := column(5)
	third := rows[2].Name
	padded := append(bytes.Clone(third[:len(third)-2]), 0x80, 3)
	for what, answer := range map[string]func(question) [][]byte{
		"a padded name": func(q question) [][]byte {
			return datagrams(bytes.ReplaceAll(rows.answer(q)[0], third, padded))
		},
		"an unknown type": func(q question) [][]byte {
			odd := slices.Clone(rows)
			odd[2].Type = 0x4f
			return odd.answer(q)
		},
	} {
		for _, repetitions := range []uint32{1, 10} {
			lines, errs := 4, []string(nil)
			if repetitions == 1 && what == "a padded name" {
				lines, errs = 2, []string{"walk malformed " + columnOID + " after " + columnOID + ".2"}
			}
			registry := prometheus.NewRegistry()
			e := client.New(client.Options{Metrics: mux.NewMetrics(registry)})
			t.Cleanup(func() { e.Close() })
			x, err := e.Target(client.Spec{Address: newAgent(t, answer).address})
			if err != nil {
				t.Fatal(err)
			}
			r := poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: patient(repetitions)})
			r.wantErrors(t, errs...)
			r.wantLines(t, lines)
			if !strings.Contains(exposition(t, registry), "\nsnmp_unexpected_pdu_type_total 1\n") {
				t.Errorf("%s with %d repetitions is not counted once", what, repetitions)
			}
		}
	}
}

// An exception in the middle of a table costs its own row alone if its name goes on. If it has the name that was
// asked for, it is no end of the table, but for endOfMibView.
func TestExceptionsInTheMiddleOfATable(t *testing.T) {
	for _, kind := range []snmp.Type{snmp.NoSuchObject, snmp.NoSuchInstance, snmp.EndOfMibView} {
		for _, name := range []string{access.Gosnmp, ""} {
			rows := column(40)
			rows[19].Type, rows[19].Value = kind, nil
			r := poll(t, target(t, client.Spec{Engine: name, Address: newAgent(t, rows.answer).address}), client.Plan{Walk: walkOf(columnOID), Params: patient(25)})
			r.wantErrors(t)
			r.wantLines(t, 39)

			stuck := func(q question) [][]byte {
				if at := oid(columnOID + ".20"); q.oid.Compare(at) < 0 {
					return column(20).answer(q)
				}
				return datagrams(q.response(snmp.VarBind{Name: q.oid, Type: kind}))
			}
			r = poll(t, target(t, client.Spec{Engine: name, Address: newAgent(t, stuck).address}), client.Plan{Walk: walkOf(columnOID), Params: patient(20)})
			if kind != snmp.EndOfMibView {
				r.wantErrors(t, "walk not_increasing "+columnOID+" after "+columnOID+".20")
			}
			r.wantLines(t, 20)
		}
	}
}
