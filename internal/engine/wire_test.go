package engine_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"trapline/internal/engine"
	"trapline/internal/snmp"
)

// noAnswers are datagrams that answer nothing, by what is wrong with them.
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
			r := poll(t, target(t, engine.Spec{Address: a.address}), engine.Plan{Walk: walkOf(columnOID), Params: patient(10)})
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
			r := poll(t, target(t, engine.Spec{Address: a.address}),
				engine.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(50*time.Millisecond, 1, 10)})
			r.wantErrors(t, "walk malformed")
			if r.stats.Packets != 2 || r.stats.Retries != 1 {
				t.Errorf("stats are %+v", r.stats)
			}
		})
	}
}

func TestOctetsBehindTheMessageAreIgnored(t *testing.T) {
	a := newAgent(t, func(q question) [][]byte { return datagrams(append(column(5).answer(q)[0], 0, 0, 0)) })
	r := poll(t, target(t, engine.Spec{Address: a.address}), engine.Plan{Walk: walkOf(columnOID), Params: patient(10)})
	r.wantErrors(t)
	r.wantLines(t, 5)
}

// An arc of 33 bits: the frame is sound, but gosnmp gives the whole message up.
func TestAnUnreadableAnswerLosesWhatItAnswersOnly(t *testing.T) {
	bad := snmp.VarBind{Name: append(oid(columnOID), 0xff, 0xff, 0xff, 0xff, 0x7f), Type: snmp.Integer, Value: []byte{1}}
	good := number("1.3.6.1.2.1.2.2.1.2.1", 1)
	a := newAgent(t, table{bad, good}.answer)
	r := poll(t, target(t, engine.Spec{Address: a.address}),
		engine.Plan{Get: []snmp.OID{good.Name}, Walk: walkOf(columnOID, "1.3.6.1.2.1.2.2.1.2"), Params: patient(1)})
	r.wantErrors(t, "walk malformed "+columnOID)
	r.wantLines(t, 2)
}

func TestRetriesAreAttemptsAfterTheFirst(t *testing.T) {
	const timeout = 60 * time.Millisecond
	for _, retries := range []int{0, 1, 3} {
		registry := prometheus.NewRegistry()
		e := engine.New(engine.Options{Metrics: engine.NewMetrics(registry)})
		defer e.Close()
		a := newAgent(t, func(question) [][]byte { return nil })
		x, err := e.Target(engine.Spec{Address: a.address})
		if err != nil {
			t.Fatal(err)
		}
		r := poll(t, x, engine.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(timeout, retries, 10)})
		r.wantErrors(t, "walk timeout")
		asked := a.asked()
		if len(asked) != retries+1 || r.stats != (engine.Stats{Packets: retries + 1, Retries: retries}) {
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
	r := poll(t, target(t, engine.Spec{Address: a.address}), engine.Plan{Walk: walkOf(columnOID), Params: params(time.Millisecond, 3, 10)})
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
	r := poll(t, target(t, engine.Spec{Address: a.address}), engine.Plan{Walk: walkOf(columnOID), Params: params(200*time.Millisecond, 1, 10)})
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
		"silent later":          {1, "walk canceled " + columnOID + " after " + columnOID + ".10"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, func(q question) [][]byte {
				if q.n < test.answers {
					return column(30).answer(q)
				}
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			r := pollContext(ctx, target(t, engine.Spec{Address: a.address}), engine.Plan{Walk: walkOf(columnOID), Params: params(time.Hour, 3, 10)})
			r.wantErrors(t, test.want)
		})
	}
}

func TestFailuresBeforeAnyAnswer(t *testing.T) {
	closed := newAgent(t, nil)
	closed.conn.Close()
	for name, test := range map[string]struct {
		spec engine.Spec
		want string
	}{
		"nothing listens there":      {engine.Spec{Address: closed.address}, "walk refused"},
		"nothing listens there, TCP": {engine.Spec{Address: "tcp://" + closed.address}, "connect refused"},
		"a name without an address":  {engine.Spec{Address: "no-such-host.invalid"}, "connect resolve"},
		"a source that is not here":  {engine.Spec{Address: closed.address, Source: netip.MustParseAddrPort("192.0.2.1:0")}, "connect unreachable"},
		"a source of another family": {engine.Spec{Address: closed.address, Source: netip.MustParseAddrPort("[::1]:0")}, "connect unreachable"},
		"a community file that is not there": {engine.Spec{Address: closed.address, Auth: &engine.Auth{Version: 2, CommunityFile: "/nonexistent"}},
			"connect credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			r := poll(t, target(t, test.spec), engine.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(time.Hour, 3, 10)})
			r.wantErrors(t, test.want)
			if r.stats.Packets > 1 {
				t.Errorf("%d packets", r.stats.Packets)
			}
		})
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	e := newEngine(t)
	for name, s := range map[string]engine.Spec{
		"resolve":     {Address: "udp://[::1"},
		"credentials": {Address: "localhost", Auth: &engine.Auth{Version: 3, SecurityLevel: engine.AuthPriv}},
	} {
		if _, err := e.Target(s); len(engine.Errors(err)) != 1 || engine.Errors(err)[0].Reason != engine.Reason(name) {
			t.Errorf("%v is no error with the reason %s", err, name)
		}
	}
	e.Close()
	if _, err := e.Target(engine.Spec{Address: "localhost"}); len(engine.Errors(err)) != 1 {
		t.Errorf("a closed engine gives %v", err)
	}
}

func TestSource(t *testing.T) {
	free := newAgent(t, nil)
	free.conn.Close()
	port := netip.MustParseAddrPort(free.address).Port()
	for _, unconnected := range []bool{false, true} {
		for _, source := range []string{"127.0.0.2:0", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), port).String()} {
			want := netip.MustParseAddrPort(source)
			seen := make(chan netip.AddrPort, 8)
			peer := echoSource(t, seen)
			x := target(t, engine.Spec{Address: peer, Source: want})
			plan := engine.Plan{Walk: walkOf(columnOID), Params: patient(10).Over(engine.Params{UseUnconnectedUDPSocket: unconnected})}
			plan.Params.UseUnconnectedUDPSocket = unconnected
			var polls sync.WaitGroup
			for range 4 { // a fixed port serves them one after the other
				polls.Go(func() {
					if _, err := x.Poll(t.Context(), &plan, func(snmp.VarBind) {}); err != nil {
						t.Error(err)
					}
				})
			}
			polls.Wait()
			if got := <-seen; got.Addr() != want.Addr() || (want.Port() != 0 && got.Port() != want.Port()) {
				t.Errorf("came from %s, want %s", got, want)
			}
		}
	}
}

// echoSource is an agent that tells who asked it.
func echoSource(t *testing.T, seen chan<- netip.AddrPort) (address string) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m, _ := snmp.ParseMessage(buf[:n])
			seen <- from
			_, _ = conn.WriteToUDPAddrPort(column(3).answer(question{Message: m, oid: oid(columnOID)})[0], from)
		}
	}()
	return conn.LocalAddr().String()
}

// A multi-homed agent answers from an address that was not asked.
func TestAnswerFromAnotherAddress(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("no second address on loopback: %v", err)
	}
	defer other.Close()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m, _ := snmp.ParseMessage(buf[:n])
			_, _ = other.WriteToUDPAddrPort(column(3).answer(question{Message: m, oid: oid(columnOID)})[0], from)
		}
	}()
	x := target(t, engine.Spec{Address: conn.LocalAddr().String()})
	plan := engine.Plan{Walk: walkOf(columnOID), Params: params(100*time.Millisecond, 0, 10)}
	poll(t, x, plan).wantErrors(t, "walk timeout")
	plan.Params.UseUnconnectedUDPSocket = true
	r := poll(t, x, plan)
	r.wantErrors(t)
	r.wantLines(t, 3)
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 2000)
		for n := 0; n < 3; n++ {
			size, err := conn.Read(buf)
			if err != nil {
				return
			}
			q := question{}
			q.Message, _ = snmp.ParseMessage(buf[:size])
			v, _, _ := snmp.CutVarBind(q.VarBinds)
			q.oid = v.Name
			b := column(100).answer(q)[0]
			_, _ = conn.Write(b[:1]) // in pieces, and the last with what nobody asked for behind it
			_, _ = conn.Write(b[1:10])
			_, _ = conn.Write(append(b[10:], "\x30\x03\x02\x01\x01"...))
		}
	}()
	x := target(t, engine.Spec{Address: "tcp://" + listener.Addr().String()})
	r := poll(t, x, engine.Plan{Walk: walkOf(columnOID), Params: patient(30)})
	r.wantLines(t, 90)
	r.wantErrors(t, "walk unreachable "+columnOID+" after "+columnOID+".90") // the agent hung up
}

func TestSecretsInFilesAreReadAgain(t *testing.T) {
	file := t.TempDir() + "/community"
	write := func(s string) {
		if err := os.WriteFile(file+".new", []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	a := newAgent(t, column(1).answer)
	x := target(t, engine.Spec{Address: a.address, Auth: &engine.Auth{Version: 2, CommunityFile: file}})
	plan := engine.Plan{Get: instances(1), Params: patient(10)}
	for _, text := range []string{"first\n", "secnd\n", "third\r\n", "no newline"} {
		write(text)
		poll(t, x, plan).wantErrors(t)
		asked := a.asked()
		if got, want := string(asked[len(asked)-1].Community), strings.TrimRight(text, "\r\n"); got != want {
			t.Errorf("asked as %q, want %q", got, want)
		}
	}
	write("\n")
	poll(t, x, plan).wantErrors(t, "connect credentials")
	write(strings.Repeat("x", 200))
	poll(t, x, plan).wantErrors(t, "connect credentials")
}

func TestTargetIsTheSameForTheSameSpec(t *testing.T) {
	e := newEngine(t)
	spec := func(change func(*engine.Spec)) *engine.Target {
		auth := engine.DefaultAuth()
		s := engine.Spec{Address: "localhost", Auth: &auth}
		change(&s)
		x, err := e.Target(s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	seen := []*engine.Target{
		spec(func(*engine.Spec) {}),
		spec(func(s *engine.Spec) { s.Address = "127.0.0.1" }),
		spec(func(s *engine.Spec) { s.Auth.Community = "other" }),
		spec(func(s *engine.Spec) { s.Context = "c" }),
		spec(func(s *engine.Spec) { s.ContextEngineID = "12345" }),
		spec(func(s *engine.Spec) { s.Source = netip.MustParseAddrPort("127.0.0.1:0") }),
	}
	for i, x := range seen {
		if slices.Index(seen, x) != i {
			t.Errorf("spec %d gives the target of another", i)
		}
	}
	if spec(func(*engine.Spec) {}) != seen[0] || spec(func(s *engine.Spec) { s.Auth = nil }) != seen[0] {
		t.Error("the same spec gives another target")
	}
}

func TestMetricsHaveTheNamesOfSnmpExporter(t *testing.T) {
	registry := prometheus.NewRegistry()
	e := engine.New(engine.Options{Metrics: engine.NewMetrics(registry)})
	defer e.Close()
	c := column(3)
	c[1].Type = 0x4f
	x, err := e.Target(engine.Spec{Address: newAgent(t, c.answer).address})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, x, engine.Plan{Walk: walkOf(columnOID), Params: patient(10)}).wantErrors(t)
	const want = `# HELP snmp_packet_retries_total Number of SNMP packet retries.
# TYPE snmp_packet_retries_total counter
snmp_packet_retries_total 0
# HELP snmp_packets_total Number of SNMP packets sent, including retries.
# TYPE snmp_packets_total counter
snmp_packets_total 1
# HELP snmp_unexpected_pdu_type_total Values of a type that SNMP does not have; they are left out.
# TYPE snmp_unexpected_pdu_type_total counter
snmp_unexpected_pdu_type_total 1
# HELP trapline_engine_rediscoveries_total Times that a kept SNMPv3 session no longer fitted its agent and was set up anew.
# TYPE trapline_engine_rediscoveries_total counter
trapline_engine_rediscoveries_total 0
`
	if got := exposition(t, registry); !strings.HasSuffix(got, want) || !strings.Contains(got, "snmp_packet_duration_seconds_count 1\n") {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
}

func exposition(t testing.TB, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// 10 000 targets that rest between two polls must not hold 10 000 sockets and 64 kB each.
func TestIdleTargetsCostLittle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts /proc/self/fd")
	}
	a := newAgent(t, column(3).answer)
	e := newEngine(t)
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const n = 2000
	filesBefore, heapBefore := files(), heap()
	for i := range n {
		x, err := e.Target(engine.Spec{Address: a.address, Context: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Poll(t.Context(), &engine.Plan{Get: instances(1)}, func(snmp.VarBind) {}); err != nil {
			t.Fatal(err)
		}
		a.forget()
	}
	if more := files() - filesBefore; more > 5 {
		t.Errorf("%d files more than before", more)
	}
	if each := (heap() - heapBefore) / n; each > 2000 {
		t.Errorf("%d octets each", each)
	} else {
		t.Logf("%d octets each", each)
	}
}

// Answers are matched to the target and request that they answer, whoever else is polled.
func TestPollsAtTheSameTimeKeepApart(t *testing.T) {
	e := newEngine(t)
	var polls sync.WaitGroup
	for community := range 8 {
		a := newAgent(t, func(q question) [][]byte {
			list := column(40)
			for i := range list {
				list[i].Type, list[i].Value = snmp.OctetString, bytes.Clone(q.Community)
			}
			return list.answer(q)
		})
		auth := engine.DefaultAuth()
		auth.Community = "community" + auth.Community[:community%6]
		x, err := e.Target(engine.Spec{Address: a.address, Auth: &auth})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // of one target, too
			polls.Go(func() {
				for range 20 {
					stats, err := x.Poll(t.Context(), &engine.Plan{Walk: walkOf(columnOID), Params: patient(10)}, func(v snmp.VarBind) {
						if string(v.Value) != string(auth.Community) {
							t.Errorf("%q where %q was asked", v.Value, string(auth.Community))
						}
					})
					if err != nil || stats.VarBinds != 40 {
						t.Errorf("%+v, %v", stats, err)
					}
				}
			})
		}
	}
	polls.Wait()
}

var _ io.Closer = (*engine.Engine)(nil)
