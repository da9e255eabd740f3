package client_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// question is a datagram that a scripted agent got.
type question struct {
	snmp.Message
	n   int // from 0
	oid snmp.OID
	at  time.Time
	raw []byte
}

// agent is a UDP socket that answers as a function says, with any number of datagrams.
type agent struct {
	address string
	conn    *net.UDPConn

	mu        sync.Mutex
	questions []question
}

func newAgent(t testing.TB, answer func(question) [][]byte) *agent {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{address: conn.LocalAddr().String(), conn: conn}
	var serving sync.WaitGroup
	serving.Go(func() { a.serve(t, answer) })
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return a
}

func (a *agent) serve(t testing.TB, answer func(question) [][]byte) {
	buf := make([]byte, 1<<16)
	for n := 0; ; n++ {
		size, from, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		q := question{n: n, at: time.Now(), raw: bytes.Clone(buf[:size])}
		if q.Message, err = snmp.ParseMessage(q.raw); err != nil {
			t.Errorf("datagram %d: %v", n, err)
		}
		if v, _, err := snmp.CutVarBind(q.VarBinds); err == nil {
			q.oid = v.Name
		}
		a.mu.Lock()
		a.questions = append(a.questions, q)
		a.mu.Unlock()
		for _, b := range answer(q) {
			_, _ = a.conn.WriteToUDPAddrPort(b, from)
		}
	}
}

func (a *agent) asked() []question {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.questions)
}

func (a *agent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.questions = nil
}

// oids are the names in a request.
func (q question) oids() (names []snmp.OID) {
	for rest := q.VarBinds; len(rest) > 0; {
		v, tail, err := snmp.CutVarBind(rest)
		if err != nil {
			return names
		}
		names, rest = append(names, v.Name), tail
	}
	return names
}

// response is the datagram that answers q.
func (q question) response(list ...snmp.VarBind) []byte { return q.refusal(snmp.NoError, 0, list...) }

func (q question) refusal(s snmp.ErrorStatus, index int32, list ...snmp.VarBind) []byte {
	m := snmp.Message{
		Version: q.Version, Community: q.Community, PDU: snmp.Response, RequestID: q.RequestID,
		ErrorStatus: s, ErrorIndex: index,
	}
	for _, v := range list {
		m.VarBinds = snmp.AppendVarBind(m.VarBinds, v)
	}
	return snmp.AppendMessage(nil, &m)
}

func datagrams(b ...[]byte) [][]byte { return b }

// table is a sorted list of varbinds that answers as an agent should.
type table []snmp.VarBind

// oid is snmp.MustParseOID.
func oid(s string) snmp.OID { return snmp.MustParseOID(s) }

func number(name string, v int64) snmp.VarBind {
	return snmp.VarBind{Name: oid(name), Type: snmp.Integer, Value: snmp.AppendInt(nil, v)}
}

// column has n instances of 1.3.6.1.2.1.2.2.1.1, numbered from 1.
func column(n int) (t table) {
	for i := range n {
		t = append(t, number(fmt.Sprintf("%s.%d", columnOID, i+1), int64(i)))
	}
	return t
}

const columnOID = "1.3.6.1.2.1.2.2.1.1"

func (t table) get(o snmp.OID) snmp.VarBind {
	for _, v := range t {
		if bytes.Equal(v.Name, o) {
			return v
		}
	}
	return snmp.VarBind{Name: o, Type: snmp.NoSuchInstance}
}

func (t table) after(o snmp.OID, n int) (list []snmp.VarBind) {
	for _, v := range t {
		if v.Name.Compare(o) > 0 && len(list) < n {
			list = append(list, v)
		}
	}
	if len(list) < n {
		list = append(list, snmp.VarBind{Name: o, Type: snmp.EndOfMibView})
	}
	return list
}

func (t table) answer(q question) [][]byte {
	switch q.PDU {
	case snmp.GetRequest:
		var list []snmp.VarBind
		for _, o := range q.oids() {
			list = append(list, t.get(o))
		}
		return datagrams(q.response(list...))
	case snmp.GetNextRequest:
		return datagrams(q.response(t.bulk(q.oids(), 1)...))
	}
	names, fixed := q.oids(), int(q.ErrorStatus)
	return datagrams(q.response(append(t.bulk(names[:fixed], 1), t.bulk(names[fixed:], int(q.ErrorIndex))...)...))
}

// bulk returns the successors of each name, row by row.
func (t table) bulk(names []snmp.OID, repetitions int) (list []snmp.VarBind) {
	if len(names) == 1 {
		return t.after(names[0], repetitions)
	}
	for range repetitions {
		names = slices.Clone(names)
		for i, name := range names {
			v := t.after(name, 1)[0]
			names[i], list = v.Name, append(list, v)
		}
	}
	return list
}

// Params in the tests: short timeouts, since those that are waited for are waited for in full.
func params(timeout time.Duration, retries int, repetitions uint32) client.Params {
	return client.Params{Timeout: setting.Duration{Duration: timeout}, Retries: &retries, MaxRepetitions: &repetitions}
}

func patient(repetitions uint32) client.Params { return params(5*time.Second, 0, repetitions) }

func newEngine(t testing.TB) *client.Client {
	e := client.New(client.Options{})
	t.Cleanup(func() { e.Close() })
	return e
}

func target(t testing.TB, s client.Spec) *client.Target {
	t.Helper()
	x, err := newEngine(t).Target(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// result is the result of a Poll as text.
type result struct {
	lines  []string
	stats  mux.Stats
	err    error
	errors []*access.Error
}

func poll(t testing.TB, x *client.Target, p client.Plan) result {
	t.Helper()
	return pollContext(t.Context(), x, p)
}

func pollContext(ctx context.Context, x *client.Target, p client.Plan) (r result) {
	r.stats, r.err = x.Poll(ctx, &p, func(v snmp.VarBind) { r.lines = append(r.lines, line(v)) })
	r.errors = access.Errors(r.err)
	return r
}

// line writes a varbind as "1.3.6.1 INTEGER 42".
func line(v snmp.VarBind) string {
	s := v.Name.String() + " " + v.Type.String()
	if i, err := v.Int(); err == nil {
		return fmt.Sprintf("%s %d", s, i)
	}
	if f, err := v.Float(); err == nil {
		return fmt.Sprintf("%s %v", s, f)
	}
	if v.Type == snmp.ObjectIdentifier {
		return s + " " + snmp.OID(v.Value).String()
	}
	return strings.TrimSpace(fmt.Sprintf("%s %q", s, v.Value))
}

func walkOf(roots ...string) (list []snmp.OID) {
	for _, r := range roots {
		list = append(list, oid(r))
	}
	return list
}

// wantError compares the errors of a poll as "reason op oid after last".
func (r result) wantErrors(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, e := range r.errors {
		s := fmt.Sprintf("%s %s", e.Op, e.Reason)
		if e.OID != nil {
			s += " " + e.OID.String()
		}
		if e.Last != nil {
			s += " after " + e.Last.String()
		}
		got = append(got, s)
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors:\n%s\nwant:\n%s\ntext: %v", strings.Join(got, "\n"), strings.Join(want, "\n"), r.err)
	}
}

func (r result) wantLines(t testing.TB, n int) {
	t.Helper()
	if len(r.lines) != n || r.stats.VarBinds != n {
		t.Errorf("%d varbinds, stats say %d, want %d:\n%s", len(r.lines), r.stats.VarBinds, n, strings.Join(r.lines, "\n"))
	}
}
