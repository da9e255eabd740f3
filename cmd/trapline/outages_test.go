package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// logbook has the notifications that snmptrapd received in all its lives, each event once.
type logbook struct {
	known map[string]bool     // event IDs
	sent  map[string][]string // By target, "raise" or "clear"
}

var loggedEvent = regexp.MustCompile(`32473\.1\.0\.([12])\|~\|.*32473\.1\.1\.2\.0 = STRING: "([^"]+)".*32473\.1\.1\.6\.0 = STRING: "([^"]+)"`)

// read adds the new notifications.
func (l *logbook) read(d *peers.Snmptrapd) {
	for _, line := range d.Received() {
		m := loggedEvent.FindStringSubmatch(line)
		if m == nil || l.known[m[2]] {
			continue
		}
		l.known[m[2]] = true
		l.sent[m[3]] = append(l.sent[m[3]], map[string]string{"1": "raise", "2": "clear"}[m[1]])
	}
}

// tortureTime is how long the test of outages lasts, unless TRAPLINE_TORTURE says so.
const tortureTime = 6 * time.Second

// While Trapline is killed and snmptrapd comes and goes, each accepted transition is sent, those of one
// alarm in their order, and nothing else.
func TestNothingIsLostToOutages(t *testing.T) {
	t.Parallel()
	const alarms, batch = 100, 10
	lasts := tortureTime
	if text := os.Getenv("TRAPLINE_TORTURE"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q, timeout: 1s, rate: 1000, every_transition: true}\n", d.Address))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	start := func() *peers.Process {
		return peers.Start(t, nil, binary, "--config.file="+file, "--web.listen-address="+address)
	}
	process, base := start(), "http://"+address
	end, rounds := time.Now().Add(lasts), 0
	var driven sync.WaitGroup
	driven.Go(func() {
		pace := time.NewTicker(200 * time.Millisecond)
		defer pace.Stop()
		for ; time.Now().Before(end) && !t.Failed(); rounds++ {
			for first := 0; first < alarms; first += batch {
				insist(t, base+"/api/v1/webhook", alertsOf(first, batch, rounds%2 == 0))
				<-pace.C
			}
		}
	})
	l := &logbook{known: map[string]bool{}, sent: map[string][]string{}}
	random, kills, outages := rand.New(rand.NewPCG(1, 2)), 0, 0
	for turn := 0; time.Now().Before(end); turn++ {
		pause := time.NewTimer(time.Duration(200+random.IntN(1300)) * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case <-pause.C:
				waiting = false
			case <-time.After(100 * time.Millisecond):
				l.read(d)
			}
		}
		down := turn%2 == 0
		if down {
			d.Process.Stop()
			l.read(d)
			outages++
		}
		if !down || random.IntN(2) == 0 {
			process.Kill()
			process = start()
			kills++
		}
		if down {
			d.Start(t)
		}
	}
	driven.Wait()
	var retried time.Time
	process.Await(t, func() bool {
		l.read(d)
		if time.Since(retried) > time.Second {
			_, _ = ask(t.Context(), http.MethodPost, base+"/api/v1/outbox/nms/retry") // it may be just starting
			retried = time.Now()
		}
		return len(l.known) >= alarms*rounds
	})
	want := strings.TrimSpace(strings.Repeat("raise clear ", (rounds+1)/2))
	if rounds%2 == 1 {
		want = strings.TrimSuffix(want, " clear")
	}
	for target, kinds := range l.sent {
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("alarm of %s: %s\nwant %s", target, got, want)
		}
	}
	if len(l.sent) != alarms || len(l.known) != alarms*rounds {
		t.Errorf("%d events of %d alarms, want %d of %d", len(l.known), len(l.sent), alarms*rounds, alarms)
	}
	t.Logf("%s: %d kills, %d outages, %d events of %d alarms, none lost", lasts, kills, outages, len(l.known), len(l.sent))
}
