package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
)

// outcome is the output of a command line, and its exit status.
type outcome struct {
	status    int
	out, errs string
}

// invoke runs the program in an empty directory. Standard output and error are pipes, standard input is empty.
func invoke(t testing.TB, args ...string) outcome {
	t.Helper()
	return invokeIn(t, t.TempDir(), args...)
}

func invokeIn(t testing.TB, dir string, args ...string) outcome {
	t.Helper()
	var out, errs strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program(t), args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
	err := c.Run()
	if ctx.Err() != nil {
		t.Fatalf("trapline %s does not end: %s%s", args, out.String(), errs.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stub answers paths of the API, by METHOD PATH, with data or with an error.
type stub map[string]any

type stubError struct {
	status     int
	kind, text string
	hint       string
}

func (s stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"status": "success"}
	switch data := s[r.Method+" "+r.URL.Path].(type) {
	case nil:
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"status": "error", "errorType": "not_found", "error": "not found"}
	case stubError:
		w.WriteHeader(data.status)
		answer = map[string]any{"status": "error", "errorType": data.kind, "error": data.text, "hint": data.hint}
	case http.HandlerFunc:
		data(w, r)
		return
	default:
		answer["data"] = data
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// serveStub returns the URL of a server.
func serveStub(t testing.TB, s http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.65.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// golden compares the output of commands with the wanted output, URL standing for that of the server. Errors ANY
// may be any.
type golden struct {
	args   string
	status int
	out    string
	errs   string
}

func checkGolden(t *testing.T, url string, list []golden) {
	t.Helper()
	for _, g := range list {
		got := invoke(t, append(strings.Fields(g.args), "--url="+url)...)
		hide := strings.NewReplacer(url, "URL").Replace
		if got.status != g.status || hide(got.out) != g.out || g.errs != "ANY" && hide(got.errs) != g.errs {
			t.Errorf("trapline %s: status %d, output\n%s, errors\n%s; want status %d, output\n%s, errors\n%s", g.args, got.status, hide(got.out), hide(got.errs), g.status, g.out, g.errs)
		}
		if strings.ContainsRune(got.out+got.errs, '\x1b') {
			t.Errorf("trapline %s writes control characters into pipes: %q", g.args, got.out+got.errs)
		}
	}
}

// ago is a time that is printed as so long ago.
func ago(d time.Duration) time.Time { return time.Now().Add(-d - 20*time.Second) }

// sampleTargets are a target of each state.
func sampleTargets() api.TargetList {
	list := api.TargetList{Matched: 3, Counts: api.TargetCounts{Total: 3, Up: 1, Down: 1, Waiting: 1}}
	list.Targets = []api.TargetSummary{
		{Name: "core-1", Address: "192.0.2.1", State: api.Down, LastPoll: ago(4 * time.Minute), Duration: 9, Interval: 60, Labels: map[string]string{"site": "berlin"}, Outcomes: "uud",
			Alarms: 1, Problem: &api.Problem{Reason: "timeout", Text: "No answer to 4 requests in 9 s.", Remedy: "Ping it."}},
		{Name: "core-2", Address: "192.0.2.2:1161", Kind: "Cisco C9300", SysName: "core-2\u202e\u0007", State: api.Up, LastPoll: ago(3 * time.Hour), Duration: 0.0843, Interval: 60,
			RTT: 0.0031, Loss: 0.0125, Window: 12.5, Series: 12431, Labels: map[string]string{"role": "core", "site": "berlin"}},
		{Name: "ups-1", Address: "192.0.2.3", State: api.Waiting, Interval: 60},
	}
	return list
}
