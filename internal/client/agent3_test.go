package client_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"sync"
	"testing"

	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// agent3 is an agent of SNMPv3 with one user, whose answers a test may add to or replace.
type agent3 struct {
	address  string
	engineID []byte
	security *snmp.Security
	nobody   *snmp.Security // of the same engine

	mu       sync.Mutex
	boots    int32
	refusal  snmp.ReportKind // of all that the user asks, unless it is UnknownReport
	before   func(q question3) [][]byte
	requests []snmp.Header3
}

// question3 is a request of the user.
type question3 struct {
	snmp.Opened
	agent *agent3
}

func newAgent3(t testing.TB, u peers.User) *agent3 {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := hex.DecodeString(labEngine)
	a := &agent3{address: conn.LocalAddr().String(), engineID: id, boots: 7}
	user := &snmp.User{Name: u.Name, AuthKey: snmp.Passphrase(peers.AuthPassphrase), PrivKey: snmp.Passphrase(peers.PrivPassphrase)}
	if u.Auth != "" {
		user.Auth, _ = snmp.ParseAuthProtocol(u.Auth)
	}
	if u.Priv != "" {
		user.Priv, _ = snmp.ParsePrivProtocol(u.Priv)
	}
	if a.security, err = user.Localize(id); err != nil {
		t.Fatal(err)
	}
	if a.nobody, err = (&snmp.User{Name: u.Name}).Localize(id); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { a.serve(conn) })
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return a
}

func (a *agent3) serve(conn *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		a.answer(bytes.Clone(buf[:n]), from, conn)
	}
}

func (a *agent3) answer(b []byte, to netip.AddrPort, conn *net.UDPConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		return
	}
	a.requests = append(a.requests, m.Header3)
	q := question3{snmp.Opened{Header3: m.Header3}, a}
	var answers [][]byte
	switch {
	case len(m.EngineID) == 0:
		answers = datagrams(q.report(snmp.UnknownEngineID, a.nobody, a.boots))
	case a.refusal != snmp.UnknownReport:
		answers = datagrams(q.report(a.refusal, a.nobody, a.boots))
	default:
		if q.Opened, err = a.security.Open(b); err != nil {
			return
		}
		if a.before != nil {
			answers = a.before(q)
		}
		if q.Boots != a.boots {
			answers = append(answers, q.report(snmp.NotInTimeWindow, a.security, a.boots))
			break
		}
		answers = append(answers, q.response())
	}
	for _, b := range answers {
		_, _ = conn.WriteToUDPAddrPort(b, to)
	}
}

// report is a Report sealed by s, as from an engine that has started so often and runs for 1000 s.
func (q question3) report(kind snmp.ReportKind, s *snmp.Security, boots int32) []byte {
	pdu := snmp.PDU{Type: snmp.Report, RequestID: q.RequestID, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: kind.OID(), Type: snmp.Counter32, Value: []byte{1}})}
	h := snmp.Header3{ID: q.ID, MaxSize: 1472, Boots: boots, Time: 1000}
	return s.Seal(nil, &h, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: q.agent.engineID, PDU: pdu}))
}

// response returns a number for each name, or endOfMibView after the last.
func (q question3) response() []byte {
	pdu := snmp.PDU{Type: snmp.Response, RequestID: q.RequestID}
	var v snmp.VarBind
	for list := q.VarBinds; len(list) > 0; {
		rest, err := snmp.NextVarBind(list, &v)
		if err != nil {
			break
		}
		value := snmp.VarBind{Name: v.Name, Type: snmp.Integer, Value: []byte{1}}
		if q.Type == snmp.GetBulkRequest {
			value = snmp.VarBind{Name: v.Name, Type: snmp.EndOfMibView}
		}
		pdu.VarBinds, list = snmp.AppendVarBind(pdu.VarBinds, value), rest
	}
	h := snmp.Header3{ID: q.ID, MaxSize: 1472, Boots: q.agent.boots, Time: 1000}
	return q.agent.security.Seal(nil, &h, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: q.agent.engineID, PDU: pdu}))
}

// change makes the agent another.
func (a *agent3) change(f func(*agent3)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

// asked returns the requests since the previous call.
func (a *agent3) asked() (requests []snmp.Header3) {
	a.change(func(a *agent3) { requests, a.requests = a.requests, nil })
	return requests
}

func (a *agent3) spec(u peers.User, name string) client.Spec {
	return client.Spec{Engine: name, Address: a.address, Auth: authOf(u)}
}
