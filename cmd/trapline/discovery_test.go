package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// Targets of a file and of a server are polled, also after a restart while the server is down and the file is broken.
func TestListsOutliveTheirSources(t *testing.T) {
	t.Parallel()
	recording, err := agent.ReadRecording(strings.NewReader("1.3.6.1.2.1.1.3.0|67|4711\n"))
	if err != nil {
		t.Fatal(err)
	}
	address := programtest.StartDevices(t, "127.0.0.1:0", agent.Faults{}, recording).Addr(0).String()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[{"targets": [%q], "labels": {"instance": "from-server", "site": "berlin"}}]`, address)
	}))
	defer server.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "devices.json")
	write := func(text string) {
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write(fmt.Sprintf(`[{"targets": [%q], "labels": {"instance": "from-file"}}]`, address))
	config := filepath.Join(dir, "snmp.yml")
	text := fmt.Sprintf(`state_dir: %s
global: {interval: 1s}
modules: {sys: {get: [1.3.6.1.2.1.1.3.0], metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: H.}]}}
assign: [{set: {modules: [sys]}}]
discovery:
- {name: files, file_sd_configs: [{files: [devices.json]}]}
- {name: server, http_sd_configs: [{url: %q, refresh_interval: 1s}]}
`, filepath.Join(dir, "state"), server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	web := peers.FreeTCPAddress(t)
	start := func() *peers.Process {
		return peers.Start(t, nil, program(t), "--config.file="+config, "--web.listen-address="+web)
	}
	polled := func(names ...string) func() bool {
		return func() bool {
			for _, name := range names {
				response, err := http.Get("http://" + web + "/targets/" + name + "/metrics")
				if err != nil {
					return false
				}
				text, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || !containsLine(string(text), "sysUpTime ") {
					return false
				}
			}
			return true
		}
	}
	process := start()
	process.Await(t, polled("from-file", "from-server"))
	write(fmt.Sprintf(`[{"targets": [%q], "labels": {"instance": "from-file"}}, {"targets": [%[1]q], "labels": {"instance": "another"}}]`, address))
	process.Await(t, polled("another"))
	process.Await(t, func() bool { // which is saved after it is polled
		saved, _ := os.ReadFile(filepath.Join(dir, "state", "discovery", "files.json"))
		return strings.Contains(string(saved), "another")
	})
	process.Kill()
	down.Store(true)
	write(`[{"targets": [`)
	process = start()
	process.Await(t, polled("from-file", "another", "from-server"))
}
