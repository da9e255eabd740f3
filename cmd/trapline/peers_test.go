package main

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/peers"
)

// hole is a socket that takes requests and never answers.
type hole struct {
	address string
	asked   atomic.Int64
	markers chan struct{} // one for each marker that came

	first, last atomic.Int64 // when requests came, in nanoseconds
}

const marker = "all that was sent before has come"

// settled returns the number of requests, once all have arrived.
func (h *hole) settled(t testing.TB) int64 {
	t.Helper()
	c, err := net.Dial("udp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(marker)); err != nil {
		t.Fatal(err)
	}
	<-h.markers
	return h.asked.Load()
}

func newHole(t testing.TB) *hole {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{address: conn.LocalAddr().String(), markers: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, _, err := conn.ReadFrom(buf)
			switch {
			case err != nil:
				return
			case string(buf[:n]) == marker:
				h.markers <- struct{}{}
			default:
				now := time.Now().UnixNano()
				h.first.CompareAndSwap(0, now)
				h.last.Store(now)
				h.asked.Add(1)
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return h
}

// While a pass over a target that never answers hangs, the others go on, and whoever asks
// the server for anything else has an answer.
func TestPeersABlackHoleDelaysNobody(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	silent := newHole(t)
	config := small + fmt.Sprintf(`
global: {interval: 1s}
targets:
- {name: hole, address: %q, modules: [uptime], interval: 1h, timeout: 50m}
`, silent.address)
	for i := range 10 {
		config += fmt.Sprintf("- {name: good-%d, address: %q, modules: [uptime]}\n", i, snmpd.Address)
	}
	base := startServer(t, config)
	for i := range 10 {
		awaitMatch(t, base+"/metrics", fmt.Sprintf(`trapline_target_passes_total\{target="good-%d"\} ([3-9]|\d\d)`, i))
	}
	if status, _, body := get(t, base+"/snmp?module=uptime&target="+snmpd.Address); status != 200 || !strings.Contains(body, "\nsysUpTime ") {
		t.Errorf("/snmp: %d, %.200q", status, body)
	}
	response, err := http.Post(base+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("/-/reload: %s", response.Status)
	}
	_, _, text := get(t, base+"/metrics")
	if strings.Contains(text, `trapline_target_up{target="hole"`) || silent.settled(t) != 1 {
		t.Errorf("the pass over the hole has ended, after %d requests", silent.asked.Load())
	}
}

const faulty = `1.3.6.1.2.1.1.5.0|4|faulty
1.3.6.1.2.1.1.6.0|2:error|op=any,status=genError,value=1
1.3.6.1.2.1.1.7.0|2:error|op=get,status=resourceUnavailable,value=72
1.3.6.1.2.1.1.8.0|67|42
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.1.3|2|3
`

// An exception instead of a value is no sample, not even 0, and costs the other objects of the
// request nothing.
func TestPeersWhatIsNoValueIsNoSample(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"faulty": faulty})
	base := startServer(t, fmt.Sprintf(`
auths: {faulty: {community: faulty}}
modules:
  some:
    get: [1.3.6.1.2.1.1.5.0, 1.3.6.1.2.1.1.7.0, 1.3.6.1.2.1.1.8.0, 1.3.6.1.2.1.1.9.0, 1.3.6.1.2.1.55.0]
    metrics:
    - {name: errs, oid: 1.3.6.1.2.1.1.7, type: gauge, help: H.}
    - {name: counts, oid: 1.3.6.1.2.1.1.8, type: gauge, help: H.}
    - {name: has_no_instance, oid: 1.3.6.1.2.1.1.9, type: gauge, help: H.}
    - {name: has_no_object, oid: 1.3.6.1.2.1.55, type: gauge, help: H.}
  none:
    get: [1.3.6.1.2.1.1.6.0]
    metrics: [{name: is_null, oid: 1.3.6.1.2.1.1.6, type: gauge, help: H.}]
targets: [{name: device, address: %q, auth: faulty, modules: [some, none]}]
`, s.Addresses[0]))
	text := await(t, base+"/metrics", `counts{target="device"} 42`)
	for _, name := range []string{"errs", "has_no_instance", "has_no_object", "is_null"} {
		if strings.Contains(text, "\n"+name+"{") {
			t.Errorf("%s has a sample", name)
		}
	}
	for _, want := range []string{
		`trapline_target_incomplete{target="device",table="1.3.6.1.2.1.1.7.0",reason="error_status"} 1`,
		`snmp_scrape_pdus_returned{target="device",module="none"} 1`,
	} {
		if !containsLine(text, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// A walk that the user's limit ends is reported by a metric.
func TestPeersALimitedWalkIsSaidToBeIncomplete(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"faulty": faulty})
	for _, limit := range []string{"max_rows: 2", "max_requests: 1, max_repetitions: 2"} {
		base := startServer(t, fmt.Sprintf(`
auths: {faulty: {community: faulty}}
modules:
  table: {walk: [1.3.6.1.2.1.2.2.1.1], metrics: [{name: ifIndex, oid: 1.3.6.1.2.1.2.2.1.1, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}
targets: [{name: device, address: %q, auth: faulty, modules: [table], %s}]
`, s.Addresses[0], limit))
		text := await(t, base+"/metrics", "trapline_target_incomplete{")
		for _, want := range []string{
			`trapline_target_incomplete{target="device",table="1.3.6.1.2.1.2.2.1.1",reason="too_many"} 1`, `ifIndex{target="device",i="2"} 2`,
		} {
			if !containsLine(text, want) {
				t.Errorf("%s: /metrics has no %s", limit, want)
			}
		}
		if strings.Contains(text, `ifIndex{target="device",i="3"}`) {
			t.Errorf("%s: there is a third row", limit)
		}
	}
}

// N retries are N+1 datagrams, of any timeout.
func TestRetriesOfTheCommands(t *testing.T) {
	t.Parallel()
	binary := program(t)
	for _, version := range []string{"1", "2c"} {
		for retries := range 3 {
			silent := newHole(t)
			command := exec.Command(binary, "get", "-v", version, "-t", "0.05", "-r", fmt.Sprint(retries), silent.address, "1.3.6.1.2.1.1.5.0")
			out, err := command.CombinedOutput()
			if want := fmt.Sprintf("request timeout (after %d retries)", retries); err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v, %s: want %s", err, out, want)
			}
			if got := silent.settled(t); got != int64(retries)+1 {
				t.Errorf("version %s, %d retries: %d datagrams", version, retries, got)
			}
		}
	}
}
