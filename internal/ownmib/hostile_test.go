package ownmib

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/originator"
	"trapline/internal/outbox/standing"
	"trapline/internal/snmp"
)

var from = netip.MustParseAddrPort("192.0.2.1:1")

// rig is an agent with 300 alarms, behind the decoder of a listener.
func rig(t testing.TB) (*originator.Decoder, *Source) {
	t.Helper()
	s := source(300)
	a := New(prometheus.NewRegistry())
	a.Use(s)
	authority := &originator.Authority{Identity: s.Identity, Agent: &originator.Agent{
		Communities: map[string]bool{"public": true}, Respond: a.Respond,
		Users: map[string]*snmp.User{"open": {Name: "open"}, "signed": {Name: "signed", Auth: snmp.SHA256, AuthKey: snmp.Passphrase("a passphrase")}},
	}}
	d, err := authority.Decoder()
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

// request returns a request of a version; of SNMPv3 by a user.
func request(t testing.TB, s *Source, version snmp.Version, user *snmp.User, p *snmp.PDU, maxSize int32) []byte {
	t.Helper()
	if version != snmp.V3 {
		return snmp.AppendMessage(nil, &snmp.Message{
			Version: version, Community: []byte("public"), PDU: p.Type, RequestID: p.RequestID, ErrorStatus: p.ErrorStatus, ErrorIndex: p.ErrorIndex, VarBinds: p.VarBinds,
		})
	}
	security, err := user.Localize(s.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	boots, seconds, err := s.Identity.Clock(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := snmp.Header3{ID: 1, MaxSize: maxSize, Flags: snmp.FlagReportable, Boots: boots, Time: seconds}
	return security.Seal(nil, &h, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: s.Identity.ID, PDU: *p}))
}

func names(n int, name func(i int) snmp.OID) (list []byte) {
	for i := range n {
		list = snmp.AppendVarBind(list, snmp.VarBind{Name: name(i), Type: snmp.Null})
	}
	return list
}

// No request, however large its numbers and lists, makes a response that is larger than one frame, a row, or the request
// itself; one that is signed may be as large as its sender accepts.
func TestAgentDoesNotAmplify(t *testing.T) {
	d, s := rig(t)
	table := below(enterprise, 1, 3)
	open, signed := &snmp.User{Name: "open"}, &snmp.User{Name: "signed", Auth: snmp.SHA256, AuthKey: snmp.Passphrase("a passphrase")}
	for _, n := range []int{1, 22, 500, 3000} {
		list := names(n, func(i int) snmp.OID { return below(table, 1, 1, uint32(i%26)+1) })
		for _, kind := range []snmp.PDUType{snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest} {
			for _, repeated := range []int32{-1, 0, 1, math.MaxInt32} {
				p := &snmp.PDU{Type: kind, RequestID: 7, ErrorIndex: repeated, VarBinds: list}
				for _, version := range []snmp.Version{snmp.V1, snmp.V2c, snmp.V3} {
					checkSize(t, d, request(t, s, version, open, p, 65507), p, 4096)
				}
				for _, most := range []int32{0, 484, 1500, 65507} {
					checkSize(t, d, request(t, s, snmp.V3, signed, p, most), p, max(484, int(most)))
				}
			}
		}
	}
}

func checkSize(t *testing.T, d *originator.Decoder, b []byte, p *snmp.PDU, most int) {
	t.Helper()
	size := len(b)
	_, answer, err := d.Decode(b, from)
	if p.Type == snmp.GetBulkRequest && most == 4096 {
		most = 1472
	}
	if len(answer) > max(most, size+64) || err == nil {
		t.Errorf("%s of %d octets is answered by %d, error %v", p.Type, size, len(answer), err)
	}
}

// Damaged requests are refused or answered, and never more than a whole one.
func TestDamagedRequests(t *testing.T) {
	d, s := rig(t)
	r := rand.New(rand.NewPCG(3, 4))
	var whole [][]byte
	for _, kind := range []snmp.PDUType{snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest, snmp.InformRequest, snmp.Report} {
		p := &snmp.PDU{Type: kind, ErrorIndex: 10, VarBinds: names(5, func(i int) snmp.OID { return below(enterprise, 1, 3, 1, 1, uint32(i)) })}
		for _, version := range []snmp.Version{snmp.V1, snmp.V2c, snmp.V3} {
			whole = append(whole, request(t, s, version, &snmp.User{Name: "open"}, p, 1500))
		}
	}
	answered := 0
	for range 50_000 {
		b := slices.Clone(whole[r.IntN(len(whole))])
		for range r.IntN(4) {
			switch i := r.IntN(len(b)); r.IntN(3) {
			case 0:
				b[i] = byte(r.Uint32())
			case 1:
				b[i] ^= 1 << r.IntN(8)
			default:
				b = b[:max(1, i)]
			}
		}
		_, answer, err := d.Decode(b, from)
		if len(answer) > 4096 {
			t.Fatalf("% x is answered by %d octets", b, len(answer))
		}
		if errors.Is(err, originator.ErrAnswered) {
			answered++
		}
	}
	if answered == 0 {
		t.Error("no request was answered")
	}
}

// FuzzRequest holds that no request ends the agent, or is answered by more than the greatest response whose sender may be forged.
func FuzzRequest(f *testing.F) {
	d, s := rig(f)
	for _, kind := range []snmp.PDUType{snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest, snmp.Report} {
		p := &snmp.PDU{Type: kind, ErrorIndex: 10, VarBinds: names(3, func(i int) snmp.OID { return below(enterprise, 1, 3, 1, 1, uint32(i)) })}
		for _, version := range []snmp.Version{snmp.V1, snmp.V2c, snmp.V3} {
			f.Add(request(f, s, version, &snmp.User{Name: "open"}, p, 1500))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		size := len(b)
		if _, answer, _ := d.Decode(slices.Clone(b), from); len(answer) > max(4096, size+300) {
			t.Errorf("%d octets are answered by %d", size, len(answer))
		}
	})
}

// Nothing is made before somebody asks, and at most one snapshot a second.
func TestSnapshotsAreMadeOnDemand(t *testing.T) {
	s := source(1)
	made, alarms := 0, s.Alarms
	s.Alarms = func() []standing.Standing { made++; return alarms() }
	a := New(prometheus.NewRegistry())
	a.Use(s)
	now := time.Now()
	for i, want := range []int{1, 1, 1, 2, 2} {
		a.snapshot(s, now.Add(time.Duration(i)*400*time.Millisecond))
		if made != want {
			t.Errorf("%d snapshots after %d requests, want %d", made, i+1, want)
		}
	}
	if a.forget(); a.last != nil {
		t.Error("a snapshot is kept that nobody asks for")
	}
}
