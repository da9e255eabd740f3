package client_test

import (
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// The agent is in the same process, so these include its work.

func BenchmarkWalk(b *testing.B) {
	a := newAgent(b, column(1000).answer)
	x := target(b, client.Spec{Engine: access.Gosnmp, Address: a.address})
	plan := client.Plan{Walk: walkOf(columnOID), Params: patient(50)}
	varbinds := 0
	b.ReportAllocs()
	for b.Loop() {
		stats, err := x.Poll(b.Context(), &plan, func(snmp.VarBind) {})
		if err != nil {
			b.Fatal(err)
		}
		varbinds += stats.VarBinds
		a.forget()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(varbinds), "ns/varbind")
}

// A poll for one value measures the cost of a session, mostly that of the socket.
func BenchmarkSession(b *testing.B) {
	a := newAgent(b, column(1).answer)
	x := target(b, client.Spec{Engine: access.Gosnmp, Address: a.address})
	plan := client.Plan{Get: instances(1), Params: patient(25)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Poll(b.Context(), &plan, func(snmp.VarBind) {}); err != nil {
			b.Fatal(err)
		}
		a.forget()
	}
}
