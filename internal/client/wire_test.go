package client_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// noAnswers are datagrams that are no valid response, by their error.
var noAnswers = map[string]func(question) []byte{
	"garbage":            func(question) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
	"nothing":            func(question) []byte { return []byte{} },
	"an echo":            func(q question) []byte { return q.raw },
	"cut off":            func(q question) []byte { b := column(5).answer(q)[0]; return b[:len(b)-7] },
	"a length of 2 GB":   func(question) []byte { return []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1} },
	"an endless length":  func(question) []byte { return []byte{0x30, 0x80, 2, 1, 1, 0, 0} },
	"another version":    func(q question) []byte { q.Version = snmp.V1; return q.response(column(1)...) },
	"another request-id": func(q question) []byte { q.RequestID += 1000; return q.response(column(1)...) },
	"request-id 0":       func(q question) []byte { q.RequestID = 0; return q.response(column(1)...) },
	"a trap": func(q question) []byte {
		return snmp.AppendMessage(nil, &snmp.Message{Version: q.Version, PDU: snmp.TrapV2, RequestID: q.RequestID, VarBinds: q.VarBinds})
	},
	"an SNMPv3 header that ends": func(question) []byte { b, _ := hex.DecodeString("3006020103020100"); return b },
	"an error-status that reads as 0 in one octet": func(q question) []byte {
		return q.refusal(256, 0, column(1)...)
	},
}

func TestWhatIsNoAnswerCostsNoAttempt(t *testing.T) {
	for name, datagram := range noAnswers {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, func(q question) [][]byte {
				return append([][]byte{datagram(q), datagram(q)}, column(5).answer(q)...)
			})
			r := poll(t, target(t, client.Spec{Engine: access.Gosnmp, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: patient(10)})
			r.wantErrors(t)
			r.wantLines(t, 5)
			if r.stats.Packets != 1 {
				t.Errorf("%d packets", r.stats.Packets)
			}
		})
	}
}

func TestNothingButNoAnswersIsMalformed(t *testing.T) {
	for name, datagram := range noAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, func(q question) [][]byte { return datagrams(datagram(q)) })
			r := poll(t, target(t, client.Spec{Engine: access.Gosnmp, Address: a.address}),
				client.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(500*time.Millisecond, 1, 10)})
			r.wantErrors(t, "walk malformed")
			if r.stats.Packets != 3 || r.stats.Retries != 1 { // the third is a probe
				t.Errorf("stats are %+v", r.stats)
			}
		})
	}
}

func TestOctetsBehindTheMessageAreIgnored(t *testing.T) {
	a := newAgent(t, func(q question) [][]byte { return datagrams(append(column(5).answer(q)[0], 0, 0, 0)) })
	r := poll(t, target(t, client.Spec{Engine: tested, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: patient(10)})
	r.wantErrors(t)
	r.wantLines(t, 5)
}

// An arc of 33 bits: the frame is valid, but gosnmp discards the whole message.
func TestAnUnreadableAnswerLosesWhatItAnswersOnly(t *testing.T) {
	bad := snmp.VarBind{Name: append(oid(columnOID), 0xff, 0xff, 0xff, 0xff, 0x7f), Type: snmp.Integer, Value: []byte{1}}
	good := number("1.3.6.1.2.1.2.2.1.2.1", 1)
	a := newAgent(t, table{bad, good}.answer)
	r := poll(t, target(t, client.Spec{Engine: access.Gosnmp, Address: a.address}),
		client.Plan{Get: []snmp.OID{good.Name}, Walk: walkOf(columnOID, "1.3.6.1.2.1.2.2.1.2"), Params: patient(1)})
	r.wantErrors(t, "walk malformed "+columnOID)
	r.wantLines(t, 2)
}

func TestRetriesAreAttemptsAfterTheFirst(t *testing.T) {
	const timeout = 60 * time.Millisecond
	for _, retries := range []int{0, 1, 3} {
		registry := prometheus.NewRegistry()
		e := client.New(client.Options{Metrics: mux.NewMetrics(registry)})
		defer e.Close()
		a := newAgent(t, func(question) [][]byte { return nil })
		x, err := e.Target(client.Spec{Engine: tested, Address: a.address})
		if err != nil {
			t.Fatal(err)
		}
		r := poll(t, x, client.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(timeout, retries, 10)})
		r.wantErrors(t, "walk timeout")
		const probes = 1
		asked := a.asked()
		for end := time.Now().Add(time.Minute); len(asked) <= retries+probes && time.Now().Before(end); asked = a.asked() {
			runtime.Gosched() // the agent has yet to read the last one
		}
		asked = slices.DeleteFunc(asked, func(q question) bool { return q.PDU == snmp.GetNextRequest })
		if len(asked) != retries+1 || r.stats != (mux.Stats{Packets: retries + 1 + probes, Retries: retries}) {
			t.Errorf("retries %d: %d datagrams, stats are %+v", retries, len(asked), r.stats)
		}
		for i := 1; i < len(asked); i++ {
			if d := asked[i].at.Sub(asked[i-1].at); d < timeout/2 {
				t.Errorf("attempt %d follows after %v", i+1, d)
			}
		}
		want := fmt.Sprintf("\nsnmp_packet_retries_total %d\n", retries)
		if text := exposition(t, registry); !strings.Contains(text, want) {
			t.Errorf("retries %d:\n%s", retries, text)
		}
	}
}

func TestTimeoutAsText(t *testing.T) {
	a := newAgent(t, func(question) [][]byte { return nil })
	r := poll(t, target(t, client.Spec{Engine: tested, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: params(time.Millisecond, 3, 10)})
	if want := "error walking target " + a.address + ": request timeout (after 3 retries)"; r.err == nil || r.err.Error() != want {
		t.Errorf("%v, want %s", r.err, want)
	}
}

func TestLateAnswers(t *testing.T) {
	var first question
	a := newAgent(t, func(q question) [][]byte {
		switch q.n {
		case 0: // lost, for now
			first = q
			return nil
		case 1: // the answer to the first attempt comes during the second
			return column(30).answer(first)
		case 2: // and that to the second during the next request
			return append(column(30).answer(q), column(1).answer(first)...)
		}
		return column(30).answer(q)
	})
	r := poll(t, target(t, client.Spec{Engine: tested, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: params(2*time.Second, 1, 10)})
	r.wantErrors(t)
	r.wantLines(t, 30)
	if r.stats.Retries != 1 {
		t.Errorf("%d retries", r.stats.Retries)
	}
}

func TestDeadlineOfThePassBoundsThePoll(t *testing.T) {
	for name, test := range map[string]struct {
		answers int
		want    string
	}{
		"silent from the first": {0, "walk timeout"},
		"silent later":          {1, "walk deadline " + columnOID + " after " + columnOID + ".10"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, func(q question) [][]byte {
				if q.n < test.answers {
					return column(30).answer(q)
				}
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r := pollContext(ctx, target(t, client.Spec{Engine: access.Gosnmp, Address: a.address}), client.Plan{Walk: walkOf(columnOID), Params: params(time.Hour, 3, 10)})
			r.wantErrors(t, test.want)
		})
	}
}

// Row 46: one request at a time, and the next when that is answered.
func TestRequestsOfAPollFollowEachOther(t *testing.T) {
	var a *agent
	ready := make(chan struct{})
	a = newAgent(t, func(q question) [][]byte {
		<-ready
		_ = a.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if n, err := a.conn.Read(make([]byte, 2000)); err == nil {
			t.Errorf("%d octets came before the answer", n)
		}
		_ = a.conn.SetReadDeadline(time.Time{})
		return column(20).answer(q)
	})
	close(ready)
	r := poll(t, target(t, client.Spec{Engine: tested, Address: a.address}), client.Plan{Get: instances(3), Walk: walkOf(columnOID), Params: patient(5)})
	r.wantErrors(t)
	r.wantLines(t, 23)
}
