package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

// witness receives informs, acknowledges most of them, and notes in which order their events came first.
type witness struct {
	net.PacketConn
	t      *testing.T
	random *rand.Rand
	loyal  bool        // it acknowledges all
	silent atomic.Bool // it acknowledges none

	mu       sync.Mutex
	known    map[string]bool     // event IDs
	sent     map[string][]string // By alarm ID, "raise" or "clear"
	repeated int
	requests map[string]map[int32]bool // request-ids by event
}

func startWitness(t *testing.T) *witness { return witnessOf(t, false) }

func witnessOf(t *testing.T, loyal bool) *witness {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{PacketConn: c, t: t, loyal: loyal, random: rand.New(rand.NewPCG(1, 2)), known: map[string]bool{}, sent: map[string][]string{}, requests: map[string]map[int32]bool{}}
	ended := make(chan struct{})
	go func() { defer close(ended); w.run() }()
	t.Cleanup(func() { c.Close(); <-ended })
	return w
}

func (w *witness) run() {
	b := make([]byte, 65536)
	for {
		n, from, err := w.ReadFrom(b)
		if err != nil {
			return
		}
		m, err := snmp.ParseMessage(bytes.Clone(b[:n]))
		if err != nil || m.PDU != snmp.InformRequest {
			w.t.Errorf("% x: %v", b[:n], err)
			continue
		}
		w.note(m.RequestID, m.VarBinds)
		if m.PDU = snmp.Response; !w.silent.Load() && (w.loyal || w.random.IntN(10) > 0) {
			_, _ = w.WriteTo(snmp.AppendMessage(nil, &m), from)
		}
	}
}

// note takes the second, the third and the fourth binding: the kind, the alarm and the event.
func (w *witness) note(request int32, list []byte) {
	var values [4]snmp.VarBind
	for i := range values {
		var err error
		if values[i], list, err = snmp.CutVarBind(list); err != nil {
			w.t.Error(err)
			return
		}
	}
	what, alarm, event := snmp.OID(values[1].Value), string(values[2].Value), string(values[3].Value)
	kind, known := map[byte]string{1: "raise", 2: "clear"}[what[len(what)-1]]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests[event] == nil {
		w.requests[event] = map[int32]bool{}
	}
	w.requests[event][request] = true
	switch {
	case !known: // a resync
	case w.known[event]:
		w.repeated++
	default:
		w.known[event] = true
		w.sent[alarm] = append(w.sent[alarm], kind)
	}
}

func (w *witness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.known)
}

// Whenever the process is killed, and whatever acknowledgements are lost, each transition that was taken
// is sent, and those of one alarm in their order.
func TestNothingIsLostToKills(t *testing.T) {
	t.Parallel()
	const alarms, rounds, batch, kills = 60, 4, 10, 8
	w := startWitness(t)
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: w, address: %q, timeout: 100ms, retries: 5, rate: 1000, every_transition: true}\n", w.LocalAddr()))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	start := func() *peers.Process {
		return peers.Start(t, nil, binary, "--config.file="+file, "--web.listen-address="+address)
	}
	process := start()
	driven := make(chan struct{})
	go func() {
		defer close(driven)
		for round := range rounds {
			for first := 0; first < alarms; first += batch {
				insist(t, "http://"+address+"/api/v1/webhook", alertsOf(first, batch, round%2 == 0))
			}
		}
	}()
	for i := range kills {
		goal := (i + 1) * alarms * rounds / (kills + 1)
		process.Await(t, func() bool { return w.count() >= goal })
		process.Kill()
		process = start()
	}
	<-driven
	process.Await(t, func() bool { return w.count() >= alarms*rounds })
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) != alarms || len(w.known) != alarms*rounds {
		t.Errorf("%d events of %d alarms, want %d of %d", len(w.known), len(w.sent), alarms*rounds, alarms)
	}
	for id, kinds := range w.sent {
		if got := strings.Join(kinds, " "); got != "raise clear raise clear" {
			t.Errorf("alarm %s: %s", id, got)
		}
	}
	t.Logf("%d kills, %d events, %d sent again", kills, len(w.known), w.repeated)
}

func alertsOf(first, n int, firing bool) string {
	status := map[bool]string{true: "firing", false: "resolved"}[firing]
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"status":%q,"labels":{"alertname":"Down","target":"device-%d"}}`, status, first+i))
	}
	return `{"version":"4","alerts":[` + strings.Join(list, ",") + `]}`
}

// insist posts until the answer is 200: a request with another answer may have been accepted or not.
func insist(t *testing.T, url, body string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for t.Context().Err() == nil {
		response, err := http.Post(url, "application/json", strings.NewReader(body))
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		<-tick.C
	}
}
