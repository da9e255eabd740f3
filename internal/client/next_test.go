package client_test

import (
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// The successors of many OIDs must be requested in few messages; an OID without a successor must
// return nothing.
func TestNexts(t *testing.T) {
	const c = columnOID
	successors := func(q question) [][]byte {
		var list []snmp.VarBind
		for _, o := range q.oids() {
			list = append(list, column(5).after(o, 1)...)
		}
		return datagrams(q.response(list...))
	}
	for _, test := range []struct {
		name    string
		agent   func(question) [][]byte
		version int
		next    []string
		params  client.Params
		lines   int
		packets int
		errors  []string
	}{
		{name: "in one message", next: []string{c, c + ".3", "1.3.6.1.2"}, lines: 3, packets: 1},
		{name: "nothing behind the last", next: []string{c, c + ".5"}, lines: 1, packets: 1},
		{name: "in batches", next: []string{c, c + ".1", c + ".2"}, params: patient(2), lines: 3, packets: 2},
		{name: "v1 asks one by one", version: 1, next: []string{c, c + ".1"}, lines: 2, packets: 2},
		{name: "a single number", next: []string{"1"}, lines: 1, packets: 1},
		{name: "noSuchName of a named one", next: []string{c, c + ".2"}, lines: 2, packets: 3, agent: func(q question) [][]byte {
			if len(q.oids()) > 1 {
				return datagrams(q.refusal(snmp.NoSuchName, 2))
			}
			return successors(q)
		}},
		{name: "tooBig splits the batch", next: []string{c, c + ".1", c + ".2", c + ".3"}, lines: 4, packets: 3, agent: func(q question) [][]byte {
			if len(q.oids()) > 2 {
				return datagrams(q.refusal(snmp.TooBig, 0))
			}
			return successors(q)
		}},
		{name: "a short answer", next: []string{c, c + ".1", c + ".2"}, lines: 3, packets: 3, agent: func(q question) [][]byte {
			return datagrams(q.response(column(5).after(q.oid, 1)...))
		}},
		{name: "an error about one of them", next: []string{c, c + ".2"}, lines: 1, packets: 3, errors: []string{"getnext error_status " + c + ".2"}, agent: func(q question) [][]byte {
			if o := q.oids(); o[len(o)-1].Compare(oid(c+".2")) == 0 {
				return datagrams(q.refusal(snmp.GenErr, int32(len(o))))
			}
			return successors(q)
		}},
		{name: "an answer that goes backwards", next: []string{c + ".3"}, packets: 1, agent: func(q question) [][]byte {
			return datagrams(q.response(column(1)...))
		}},
		{name: "authorizationError of the message", next: []string{c, c + ".1"}, packets: 1, errors: []string{"getnext authorization"}, agent: func(q question) [][]byte {
			return datagrams(q.refusal(16, 0))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			auth := access.DefaultAuth()
			if test.version != 0 {
				auth.Version = access.Version(test.version)
			}
			if test.agent == nil {
				test.agent = successors
			}
			plan := client.Plan{Params: test.params.WithDefaults(patient(25))}
			for _, text := range test.next {
				plan.Next = append(plan.Next, oid(text))
			}
			r := poll(t, target(t, client.Spec{Engine: tested, Address: newAgent(t, test.agent).address, Auth: &auth}), plan)
			r.wantErrors(t, test.errors...)
			r.wantLines(t, test.lines)
			if r.stats.Packets != test.packets {
				t.Errorf("%d packets, want %d", r.stats.Packets, test.packets)
			}
		})
	}
}
