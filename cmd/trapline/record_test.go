package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/programtest"
)

// A recording of a simulated device is the recording that it plays; an anonymous one passes --verify, and the original
// does not.
func TestRecord(t *testing.T) {
	t.Parallel()
	text := "1.3.6.1.2.1.1.5.0|4|core-sw-17\n1.3.6.1.2.1.4.20.1.1.192.0.2.17|64|192.0.2.17\n1.3.6.1.4.1.99999.1.0|4|core-sw-17 in rack 4\n"
	recording, err := agent.ReadRecording(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	device := programtest.StartDevices(t, "127.0.65.31:0", agent.Faults{}, recording).Addr(0).String()
	dir := t.TempDir()
	original := filepath.Join(dir, "original.snmprec")
	if r := runProgram(t, "record", "-v2c", "-c", "public", "--out", original, device); r.status != 0 {
		t.Fatalf("%+v", r)
	}
	if got, err := os.ReadFile(original); err != nil || string(got) != text {
		t.Errorf("%v\n%s", err, got)
	}
	r := runProgram(t, "record", "--anonymize", "--key", "k", "--verify", original, original)
	if r.status != 0 || strings.Contains(r.out, "core-sw-17") || strings.Contains(r.out, "192.0.2.17") || strings.Count(r.out, "\n") != 3 {
		t.Errorf("%+v", r)
	}
	if r := runProgram(t, "record", "--verify", original, original); r.status != 1 || !strings.Contains(r.errs, "core-sw-17") {
		t.Errorf("the original passes: %+v", r)
	}
	if r := runProgram(t, "record", "-v2c", "-c", "public", "--polls", "2", "--interval", "10ms", "--out", filepath.Join(dir, "two.snmprec"), device); r.status != 0 {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"two.1.snmprec", "two.2.snmprec"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// A device that answers slowly, or without an end, ends neither poll, record nor profile by itself: --max-time does, and
// says what is missing.
func TestMaxTime(t *testing.T) {
	t.Parallel()
	device := programtest.StartDevices(t, "127.0.65.33:0", agent.Faults{Latency: 150 * time.Millisecond}, agent.Builtin["switch"](1)).Addr(0).String()
	dir := t.TempDir()
	file := filepath.Join(dir, "slow.snmprec")
	config := "--config.file=" + filepath.Join(dir, "snmp.yml")
	if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte("targets: [127.0.65.34]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := runProgram(t, "record", "--max-time=1200ms", "--root=1.3", "--out", file, device)
	if text, err := os.ReadFile(file); r.status != 0 || err != nil || len(text) == 0 || !strings.Contains(r.errs, "is partial, and ends at 1.3.6.1.") || !strings.Contains(r.errs, "longer than 1.2 s: give it more with --max-time") {
		t.Errorf("%v, %d octets: %+v", err, len(text), r)
	}
	r = runProgram(t, "poll", config, "--max-time=400ms", "--module=if_mib", "--module=system", device)
	if r.status != 1 || !strings.Contains(r.errs, "objects were not read whole: it took longer than 400 ms") || strings.Count(r.errs, "\n") > 60 {
		t.Errorf("%+v", r)
	}
	r = runProgram(t, "profile", "--max-time=400ms", device)
	if r.status != 1 || !strings.Contains(r.errs, "it took longer than 400 ms") {
		t.Errorf("%+v", r)
	}
	if r := runProgram(t, "poll", config, "--max-time=0", "--module=system", device); r.status != 0 {
		t.Errorf("without a limit: status %d, %s", r.status, r.errs)
	}
}
