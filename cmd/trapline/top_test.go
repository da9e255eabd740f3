package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// topStub has a target with three interfaces, of which the first moves with every answer.
func topStub(asked *atomic.Int32) stub {
	number := func(v float64) *float64 { return &v }
	table := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := float64(asked.Add(1))
		t := api.Table{Name: "interfaces", Every: 2, Columns: []api.TableColumn{{Name: "state"}, {Name: "interface"}, {Name: "alias"}, {Name: "speed"}, {Name: "in", Unit: "bit/s"}, {Name: "out", Unit: "bit/s"}, {Name: "use"}, {Name: "errors"}, {Name: "discards"}}}
		t.Rows = []api.TableRow{
			{Key: `ifName="Te1/1/1"`, State: "up", Cells: []string{"up", "Te1/1/1", "uplink \x1b[2J"}, Values: []*float64{nil, nil, nil, nil, number(1e9 + 1e6*n), number(2e9), number(94), number(0), number(0)},
				History: map[string][]float64{"in": {-1, 0, 1e9, 2e9}, "out": {-1, 0, 0, 0}}},
			{Key: `ifName="Gi1/0/1"`, State: "up", Cells: []string{"up", "Gi1/0/1", "desk"}, Values: []*float64{nil, nil, nil, nil, number(2e6), number(9e5), number(0.2), number(4.2), number(0)}},
			{Key: `ifName="Gi1/0/2"`, State: "down", Cells: []string{"down", "Gi1/0/2", ""}, Values: make([]*float64, 9)},
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": t})
	})
	return stub{
		"GET /api/v1/targets/core-1":                   api.Target{TargetSummary: api.TargetSummary{Name: "core-1", State: api.Up, LastPoll: time.Now(), Duration: 0.084, RTT: 0.0031, Interval: 60}},
		"GET /api/v1/targets/core-1/tables/interfaces": table,
	}
}

// top takes the whole screen, follows its size, and restores the screen at its end.
func TestTopInATerminal(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := exec.Command(program(t), "top", "core-1", "--every=100ms", "--url="+serveStub(t, topStub(&asked)))
	c.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	s := startScreen(t, c, 120, 24)
	text := s.awaitText("core-1  up  84 ms  RTT 3.1 ms", "uplink ␛[2J", "3 of 3 rows", "q quit")
	if busy, quiet, down := strings.Index(text, "Te1/1/1"), strings.Index(text, "Gi1/0/1"), strings.Index(text, "Gi1/0/2"); busy < 0 || busy > quiet || quiet > down {
		t.Errorf("the busiest is not the first:\n%s", text)
	}
	for _, want := range []string{"2 Gbit/s", "████████▌", "▁▅█", "2 Mbit/s", "900 kbit/s", "4.2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	s.awaitText(fmt.Sprintf("%.2f Gbit/s", 1+float64(asked.Load()/10+1)/100)) // the rates go on
	s.send("/desk")
	s.awaitText("/desk█", "Gi1/0/1")
	s.send("\r")
	s.await(func(text string, _ bool) bool {
		return strings.Contains(text, "1 of 3 rows") && !strings.Contains(text, "Te1/1/1")
	})
	s.send("\x1b")
	s.awaitText("3 of 3 rows")
	s.send("e")
	s.awaitText("1 of 3 rows", "e all rows", "Gi1/0/1")
	s.send("e")
	s.send("ss")
	s.awaitText("3 of 3 rows", "s sort by out")
	s.send("\x1b[B\r") // down, and its chart
	s.awaitText("There is no history yet", "q back")
	s.send("\x1b")
	s.awaitText("› Gi1/0/1", "3 of 3 rows")
	s.send("\x1b[A\r")
	chart := s.awaitText("IN  last 2 Gbit/s, mean 1 Gbit/s, highest 2 Gbit/s", "2 Gbit/s │", "OUT  last 0 bit/s", "8 s ago … now", "q back")
	if !strings.Contains(chart, "Te1/1/1  uplink ␛[2J") || strings.Contains(chart, "INTERFACE") {
		t.Errorf("the chart is\n%s", chart)
	}
	s.send("q")
	s.awaitText("› Te1/1/1", "3 of 3 rows")
	s.resize(60, 8)
	s.await(func(text string, _ bool) bool {
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		return len(lines) == 8 && strings.HasPrefix(lines[0], "core-1") && strings.HasPrefix(lines[7], "q quit")
	})
	s.send("q")
	if err := c.Wait(); err != nil {
		t.Errorf("q ends with %v", err)
	}
	s.await(func(text string, alternate bool) bool {
		return !alternate && strings.HasPrefix(text, "what was there before")
	})
}

// Ctrl-C ends it with the status that shells have for that, and a server that is gone leaves the last figures.
func TestTopWithoutServer(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var gone atomic.Bool
	working := topStub(&asked)
	url := serveStub(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.Error(w, "gone", http.StatusServiceUnavailable)
			return
		}
		working.ServeHTTP(w, r)
	}))
	c := exec.Command(program(t), "top", "core-1", "--every=100ms", "--url="+url)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1")
	s := startScreen(t, c, 150, 24)
	s.awaitText("core-1", "Te1/1/1")
	gone.Store(true)
	s.awaitText("as of ", "503 Service Unavailable", "Te1/1/1")
	s.send("\x03")
	_ = c.Wait()
	if status := c.ProcessState.ExitCode(); status != cli.ExitInterrupted {
		t.Errorf("Ctrl-C ends with %d", status)
	}
	s.await(func(text string, alternate bool) bool {
		return !alternate && strings.HasPrefix(text, "what was there before")
	})
}

func TestTopErrors(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := topStub(&asked)
	s["GET /api/v1/targets"] = api.TargetList{Matched: 1, Targets: []api.TargetSummary{{Name: "core-1"}}}
	checkGolden(t, serveStub(t, s), []golden{
		{args: "top core-1", status: cli.ExitUsage, errs: "top wants a terminal: write trapline target core-1 --table=interfaces\n"},
		{args: "top core-2", status: cli.ExitUsage, errs: "no target \"core-2\" at URL; did you mean core-1?\n"},
		{args: "top core-1 --every=1ms", status: cli.ExitUsage, errs: "--every 1ms: write 100ms or more\n"},
	})
}

// Without a server, a target of the configuration is polled from here.
func TestTopPollsByItself(t *testing.T) {
	t.Parallel()
	device := programtest.StartDevices(t, "127.0.24.11:0", agent.Faults{}, agent.Switch48(1)).Addr(0).String()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte("targets: [{name: core-1, address: \""+device+"\", modules: [if_mib]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	closed := "http://" + peers.FreeTCPAddress(t)
	c := exec.Command(program(t), "top", "core-1", "--every=100ms")
	c.Dir, c.Env = dir, slices.DeleteFunc(append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1"), func(v string) bool { return strings.HasPrefix(v, "TRAPLINE_URL=") })
	s := startScreen(t, c, 150, 30)
	s.awaitText("core-1  up", "bit/s", "56 of 56 rows")
	s.await(func(text string, _ bool) bool { return regexp.MustCompile(`[▁-█]{9}`).MatchString(text) })
	s.send("\r")
	s.awaitText("IN  last ", "bit/s │", " ago … now")
	s.send("qq")
	if err := c.Wait(); err != nil {
		t.Errorf("q ends with %v", err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"top", "core-2"}, `and no target "core-2" in snmp.yml; did you mean core-1?`},
		{[]string{"top", "core-1"}, "top wants a terminal: write trapline poll core-1"},
		{[]string{"top", "core-1", "--url=" + closed}, "no server at " + closed},
	} {
		if got := invokeIn(t, dir, test.args...); got.status == 0 || !strings.Contains(got.errs, test.want) {
			t.Errorf("%q: %+v, want %s", test.args, got, test.want)
		}
	}
}
