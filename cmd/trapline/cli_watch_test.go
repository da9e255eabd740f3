package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"trapline/internal/api"
	"trapline/internal/cli"
)

// A list that is watched is printed into a pipe when it has changed, and Ctrl-C ends that.
func TestAlarmsAreWatched(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	url := serveStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		list := []api.Alarm{{Target: "first"}}
		if asked.Add(1) > 2 {
			list = []api.Alarm{{Target: "second"}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": list})
	}))
	c := exec.Command(program(t), "alarms", "--watch", "--url="+url)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill() }()
	var seen []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		for _, name := range []string{"first", "second"} {
			if strings.Contains(lines.Text(), name) {
				seen = append(seen, name)
			}
		}
		if len(seen) == 2 {
			break
		}
	}
	if strings.Join(seen, " ") != "first second" {
		t.Errorf("printed %q", seen)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if status := c.ProcessState.ExitCode(); status != cli.ExitInterrupted {
		t.Errorf("Ctrl-C ends with %d", status)
	}
}
