package snmp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Only a signed Report about the time window that answers the last attempt sets the clock, and only once in a request.
func TestOnlyTheReportOfTheLastAttemptSetsTheClock(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	for range 5000 {
		kind := ReportKind(r.IntN(len(reportKinds)))
		o := Opened{Header3: Header3{Boots: r.Int32N(9), Time: r.Int32N(9999)}, Authenticated: r.IntN(2) == 0}
		o.PDU = PDU{Type: Report}
		if name := kind.OID(); name != nil {
			o.PDU.VarBinds = AppendVarBind(nil, VarBind{Name: name, Type: Counter32, Value: []byte{1}})
		}
		last, resynced, now := r.IntN(2) == 0, r.IntN(2) == 0, time.Duration(r.IntN(1e6))*time.Second
		before := EngineClock{Boots: 3, Time: 500, Latest: 500, Proved: r.IntN(2) == 0}
		c := before
		verdict := c.TakeReport(&o, last, resynced, now)
		genuine := kind == NotInTimeWindow && o.Authenticated && last
		want := ReportRefusal
		switch {
		case genuine && !resynced:
			want = ReportResynced
		case kind == NotInTimeWindow && !genuine:
			want = ReportStray
		}
		if verdict != want || (c != before) != (want == ReportResynced) {
			t.Fatalf("%v, signed %v, last %v, resynced %v: verdict %d, want %d; the clock went from %+v to %+v", kind, o.Authenticated, last, resynced, verdict, want, before, c)
		}
		if boots, seconds := c.Now(now); verdict == ReportResynced && (boots != o.Boots || seconds != o.Time) {
			t.Fatalf("set to %d, %d, want %d, %d", boots, seconds, o.Boots, o.Time)
		}
	}
}

// A discovery is answered by an unsigned Report with a valid engine ID, and by nothing else.
func TestDiscovery(t *testing.T) {
	m, err := ParseMessage3(AppendDiscovery(nil, 77, 1500))
	if err != nil || m.ID != 77 || m.MaxSize != 1500 || len(m.EngineID)+len(m.UserName) != 0 || m.Flags != FlagReportable {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, c := range []struct {
		pdu PDUType
		id  string
		ok  bool
	}{
		{Report, "12345", true}, {Report, "1234", false}, {Report, "", false}, {Report, "123456789012345678901234567890123", false},
		{Response, "12345", false}, {GetRequest, "", false},
	} {
		engine := &Security{engineID: []byte(c.id)}
		scoped := AppendScopedPDU(nil, &ScopedPDU{PDU: PDU{Type: c.pdu}})
		o, err := OpenDiscovery(engine.Seal(nil, &Header3{ID: 77, Boots: 4, Time: 9}, scoped))
		if (err == nil) != c.ok || c.ok && string(o.EngineID) != c.id {
			t.Errorf("0x%02x of %q: %+v, %v", byte(c.pdu), c.id, o, err)
		}
		if !c.ok {
			continue
		}
		clock := EngineClock{Boots: 9, Time: 9, Proved: true}
		if clock.Discovered(&o, 0); clock != (EngineClock{Boots: 4, Time: 9}) {
			t.Errorf("%+v", clock)
		}
	}
}
