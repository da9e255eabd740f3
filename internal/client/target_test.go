package client_test

import (
	"bytes"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

func TestTargetsThatCannotBe(t *testing.T) {
	e := newEngine(t)
	for name, s := range map[string]client.Spec{
		"resolve":     {Address: "udp://[::1"},
		"credentials": {Address: "localhost", Auth: &access.Auth{Version: 3, SecurityLevel: access.AuthPriv}},
	} {
		if _, err := e.Target(s); len(access.Errors(err)) != 1 || access.Errors(err)[0].Reason != access.Reason(name) {
			t.Errorf("%v is no error with the reason %s", err, name)
		}
	}
	e.Close()
	if _, err := e.Target(client.Spec{Engine: tested, Address: "localhost"}); len(access.Errors(err)) != 1 {
		t.Errorf("a closed engine gives %v", err)
	}
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
	x := target(t, client.Spec{Engine: access.Gosnmp, Address: a.address, Auth: &access.Auth{Version: 2, CommunityFile: file}})
	plan := client.Plan{Get: instances(1), Params: patient(10)}
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
	spec := func(change func(*client.Spec)) *client.Target {
		auth := access.DefaultAuth()
		s := client.Spec{Engine: tested, Address: "localhost", Auth: &auth}
		change(&s)
		x, err := e.Target(s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	seen := []*client.Target{
		spec(func(*client.Spec) {}),
		spec(func(s *client.Spec) { s.Address = "127.0.0.1" }),
		spec(func(s *client.Spec) { s.Auth.Community = "other" }),
		spec(func(s *client.Spec) { s.Context = "c" }),
		spec(func(s *client.Spec) { s.ContextEngineID = "12345" }),
		spec(func(s *client.Spec) { s.Source = netip.MustParseAddrPort("127.0.0.1:0") }),
	}
	for i, x := range seen {
		if slices.Index(seen, x) != i {
			t.Errorf("spec %d gives the target of another", i)
		}
	}
	if spec(func(*client.Spec) {}) != seen[0] || spec(func(s *client.Spec) { s.Auth = nil }) != seen[0] {
		t.Error("the same spec gives another target")
	}
}

func TestTheTargetUsedLongestAgoIsForgotten(t *testing.T) {
	e := newEngine(t)
	e.Remember(2)
	get := func(address string) *client.Target {
		x, err := e.Target(client.Spec{Engine: tested, Address: address})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	a, b := get("a"), get("b")
	get("a")
	get("c") // now b has to go
	if get("a") != a {
		t.Error("a was forgotten, though it was used last")
	}
	if get("b") == b {
		t.Error("b was not forgotten")
	}
}

func TestMetricsHaveTheNamesOfSnmpExporter(t *testing.T) {
	registry := prometheus.NewRegistry()
	e := client.New(client.Options{Metrics: mux.NewMetrics(registry)})
	defer e.Close()
	c := column(3)
	c[1].Type = 0x4f
	x, err := e.Target(client.Spec{Engine: tested, Address: newAgent(t, c.answer).address})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: patient(10)}).wantErrors(t)
	const want = `# HELP snmp_packet_retries_total Number of SNMP packet retries.
# TYPE snmp_packet_retries_total counter
snmp_packet_retries_total 0
# HELP snmp_packets_total Number of SNMP packets sent, including retries.
# TYPE snmp_packets_total counter
snmp_packets_total 1
# HELP snmp_unexpected_pdu_type_total Values of a type that SNMP does not have; they are left out.
# TYPE snmp_unexpected_pdu_type_total counter
snmp_unexpected_pdu_type_total 1
# HELP trapline_engine_deviations_total Answers that deviate from the protocol and were accepted, by kind.
# TYPE trapline_engine_deviations_total counter
trapline_engine_deviations_total{kind="completed_instance"} 0
trapline_engine_deviations_total{kind="repeated_row"} 0
# HELP trapline_engine_held_bytes Octets of answers that the running polls hold.
# TYPE trapline_engine_held_bytes gauge
trapline_engine_held_bytes 0
# HELP trapline_engine_internal_errors_total Polls ended by a fault of the program; each is logged.
# TYPE trapline_engine_internal_errors_total counter
trapline_engine_internal_errors_total 0
# HELP trapline_engine_lookup_failures_total Lookups of host names that failed.
# TYPE trapline_engine_lookup_failures_total counter
trapline_engine_lookup_failures_total 0
# HELP trapline_engine_rediscoveries_total Times that an SNMPv3 session did not match its agent and was set up again.
# TYPE trapline_engine_rediscoveries_total counter
trapline_engine_rediscoveries_total 0
# HELP trapline_engine_socket_drops_total Answers that the system dropped because the receive buffer of a socket was full.
# TYPE trapline_engine_socket_drops_total counter
trapline_engine_socket_drops_total 0
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
	filesBefore, heapBefore := 0, int64(0)
	for i := range n + 1 {
		if i == 1 { // the first allocates the state shared by all
			filesBefore, heapBefore = files(), heap()
		}
		x, err := e.Target(client.Spec{Engine: tested, Address: a.address, Context: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Poll(t.Context(), &client.Plan{Get: instances(1)}, func(snmp.VarBind) {}); err != nil {
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
		auth := access.DefaultAuth()
		auth.Community = "community" + auth.Community[:community%6]
		x, err := e.Target(client.Spec{Engine: tested, Address: a.address, Auth: &auth})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // of one target, too
			polls.Go(func() {
				for range 20 {
					stats, err := x.Poll(t.Context(), &client.Plan{Walk: walkOf(columnOID), Params: patient(10)}, func(v snmp.VarBind) {
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
