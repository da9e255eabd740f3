package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// reloads is how many reloads TestReloadsDuringAlarms makes: TRAPLINE_RELOADS, or a few.
func reloads(t *testing.T) int {
	text := os.Getenv("TRAPLINE_RELOADS")
	if text == "" {
		return 25
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("TRAPLINE_RELOADS:", err)
	}
	return n
}

// While the alarms of 60 devices come and go the configuration is reloaded again and again: each transition that
// Rules found is sent once, in order, and the process lives.
func TestReloadsDuringAlarms(t *testing.T) {
	t.Parallel()
	const devices, gaugesEach = 60, 4
	device, w := startGauges(t, gaugesEach), startWitness(t)
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: w, address: %q, timeout: 500ms, retries: 5, rate: 5000, every_transition: true}\n", w.LocalAddr()))
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1, %[1]s.2, %[1]s.3, %[1]s.4], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	text += withRules(t, `{alert: High, expr: g > 50}`) + "targets:\n"
	for i := range devices {
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges], interval: 1s, timeout: 900ms}\n", i, device.LocalAddr())
	}
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := peers.Start(t, nil, program(t), "--config.file="+file, "--web.listen-address="+address)
	process.Await(t, func() bool { return transitionsAt(address) >= 0 })
	for i := range reloads(t) {
		device.set(i%gaugesEach, int64(100*((1+i/gaugesEach)%2)))
		before := w.count()
		response, err := http.Post("http://"+address+"/-/reload", "", nil)
		if err != nil {
			t.Fatalf("after %d reloads: %v", i, err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatalf("reload %d: %s", i, response.Status)
		}
		process.Await(t, func() bool { return w.count() > before })
	}
	for i := range gaugesEach {
		device.set(i, 100)
	}
	process.Await(t, func() bool { return w.active() == devices*gaugesEach })
	process.Await(t, func() bool { return w.count() >= transitionsAt(address) })
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, kinds := range w.sent {
		if got := strings.Join(kinds, " ") + " "; strings.Replace(got, strings.Repeat("raise clear ", len(kinds)/2), "", 1) != "raise " {
			t.Errorf("alarm %s: %s", id, got)
		}
	}
	if total := transitionsAt(address); len(w.known) != total {
		t.Errorf("%d events were sent for %d transitions", len(w.known), total)
	}
	t.Logf("%d reloads, %d events", reloads(t), len(w.known))
}

// active is how many alarms were raised last.
func (w *witness) active() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, kinds := range w.sent {
		if kinds[len(kinds)-1] == "raise" {
			n++
		}
	}
	return n
}

// transitionsAt is how many transitions the rules of a process found, -1 while that is not known.
func transitionsAt(address string) int {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return -1
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "trapline_rules_transitions_total "); ok {
			n, _ := strconv.ParseFloat(value, 64)
			return int(n)
		}
	}
	return -1
}
