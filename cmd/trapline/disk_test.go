package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/runtimeconfig"
)

// inMemory runs a command in a mount namespace of its own, where dir is a disk of so many kibibytes, of which a
// file that is called filler leaves some.
func inMemory(t *testing.T, dir string, size, left int, command ...string) *peers.Process {
	t.Helper()
	script := fmt.Sprintf("mount -t tmpfs -o size=%dk tmpfs '%s' && head -c %dK /dev/zero > '%[2]s/filler' && exec \"$@\"", size, dir, size-left)
	return peers.Start(t, nil, unshare(t), append([]string{"-Urm", "sh", "-c", script, "sh"}, command...)...)
}

// unshare is the program by which anybody may mount, unless the machine forbids that.
func unshare(t *testing.T) string {
	t.Helper()
	path := peers.Require(t, "unshare", "util-linux")
	if out, err := exec.Command(path, "-Urm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: this machine has no mount namespaces: %v: %s", err, out)
	}
	return path
}

// While the disk is full, alerts are refused in words, and none of those is sent; once there is room, those
// that were accepted are sent, and all that arrive.
func TestAFullDiskTakesNoAlertsAndLosesNone(t *testing.T) {
	t.Parallel()
	dir, file, address := t.TempDir(), filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	receiver, _ := peers.FreeUDPAddresses(t)
	text := programtest.Notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q, rate: 1000, every_transition: true}\n", receiver))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := inMemory(t, dir, 1024, 200, program(t), "--config.file="+file, "--web.listen-address="+address)
	base := "http://" + address
	p.Await(t, func() bool {
		response, err := http.Get(base + "/-/ready")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	taken, answer := 0, ""
	for ; answer == ""; taken++ {
		answer = post(t, base+"/api/v1/webhook", alertsOf(taken, 1, true))
	}
	taken-- // the last one
	if want := "503 Service Unavailable: outbox: write " + filepath.Join(dir, "trapline.db") + ": no space left on device"; answer != want {
		t.Errorf("a full disk is answered with %q, want %q", answer, want)
	}
	if err := os.Remove(fmt.Sprintf("/proc/%d/root%s/filler", p.PID(), dir)); err != nil {
		t.Fatal(err)
	}
	insist(t, base+"/api/v1/webhook", alertsOf(taken+1, 1, true))
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Address: receiver})
	if _, err := ask(t.Context(), http.MethodPost, base+"/api/v1/outbox/nms/retry"); err != nil {
		t.Error(err)
	}
	raises := func() int { return strings.Count(strings.Join(delivered(d), "\n"), "32473.1.0.1|~|") }
	d.Process.Await(t, func() bool { return raises() >= taken+1 })
	if got := strings.Join(delivered(d), "\n"); strings.Contains(got, fmt.Sprintf("%q", fmt.Sprintf("device-%d", taken))) || raises() != taken+1 {
		t.Errorf("%d were taken, %d were sent, and the one that was refused among them", taken, raises())
	}
}

// While the disk is full, alarms that are true stay, the health check says why nothing is known, and no pass
// ends the process. Once there is room, all goes on as if nothing had been.
func TestAFullDiskClearsNothing(t *testing.T) {
	t.Parallel()
	device := programtest.StartDevices(t, "127.0.42.11:0", agent.Faults{}, agent.Switch48(1)).Addr(0).String()
	dir, file, address := t.TempDir(), filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	receiver, _ := peers.FreeUDPAddresses(t)
	text := programtest.Notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q, every_transition: true}\n", receiver))
	text = strings.Replace(text, "modules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}", "modules: {m: {walk: [SNMPv2-MIB::sysUpTime, IF-MIB::ifInOctets]}}", 1) +
		fmt.Sprintf("targets: [{name: device, address: %q, modules: [m], interval: 1s}]\nrules: {interval: 1s}\n", device) +
		withRules(t, "{alert: Traffic, expr: 'rate(ifInOctets[4s]) >= 0'}, {alert: Up, expr: sysUpTime > 0}, {alert: Any, expr: 'sum(rate(ifInOctets[4s])) >= 0'}, "+
			"{alert: None, expr: absent(sysUpTime)}, {record: traffic, expr: 'rate(ifInOctets[4s])'}")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := inMemory(t, dir, 16<<10, 12<<10, program(t), "--config.file="+file, "--web.listen-address="+address)
	base := "http://" + address
	events := func() (raises, clears int) {
		_, _, body := get(t, base+"/api/v1/outbox")
		return strings.Count(body, `"kind":"raise"`), strings.Count(body, `"kind":"clear"`)
	}
	p.Await(t, func() bool {
		response, err := http.Get(base + "/-/ready")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	awaitMore(t, base, "trapline_rules_evaluations_total", 60)
	before, _ := events()
	if before < 10 {
		t.Fatalf("%d alarms", before)
	}
	filler := fmt.Sprintf("/proc/%d/root%s/filler", p.PID(), dir)
	fill(t, filler)
	awaitMore(t, base, "trapline_rules_rejected_passes_total", 10)
	if code, _, body := get(t, base+"/-/healthy"); code != http.StatusServiceUnavailable || !strings.Contains(body, "rules: samples of target device cannot be stored: write to WAL: ") {
		t.Errorf("/-/healthy: %d %s", code, body)
	}
	if raises, clears := events(); raises != before || clears != 0 {
		t.Errorf("with a full disk: %d raises and %d clears, after %d raises", raises, clears, before)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.Await(t, func() bool {
		code, _, _ := get(t, base+"/-/healthy")
		return code == http.StatusOK
	})
	awaitMore(t, base, "trapline_rules_evaluations_total", 60)
	if raises, clears := events(); raises != before || clears != 0 {
		t.Errorf("with room again: %d raises and %d clears, after %d raises", raises, clears, before)
	}
}

// awaitMore waits until a counter has grown by so much.
func awaitMore(t *testing.T, base, counter string, more float64) {
	t.Helper()
	number := regexp.MustCompile(`(?m)^` + counter + ` (\S+)$`)
	first := -1.0
	awaitThat(t, base+"/metrics", func(text string) error {
		match := number.FindStringSubmatch(text)
		if match == nil {
			return errors.New("there is no " + counter)
		}
		n, err := strconv.ParseFloat(match[1], 64)
		if first < 0 {
			first = n
		}
		if err == nil && n < first+more {
			err = fmt.Errorf("%s is %v, and was %v", counter, n, first)
		}
		return err
	})
}

// fill takes all room that a disk has.
func fill(t *testing.T, filler string) {
	t.Helper()
	f, err := os.OpenFile(filler, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1024)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// post returns the body of an answer other than 200.
func post(t *testing.T, url, body string) string {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return ""
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status + ": " + strings.TrimSpace(string(text))
}

// A disk that nothing can be written to is reported before anything is sent.
func TestAStateDirectoryThatCannotBeWritten(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "snmp.yml")
	below := filepath.Join(dir, "state")
	text := programtest.Notifying(t, below, "- {name: nms, type: trap, auth: secure, address: 127.0.0.1:9}\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	for _, test := range []struct{ mount, command, want string }{
		{"-o ro,size=1m", "serve", "state directory: mkdir " + below + ": read-only file system"},
		{"-o ro,size=1m", "check", "state_dir " + below + " cannot be written (open "},
		{"-o size=1m", "check", "state_dir " + below + " lies in memory: after a restart of the machine"},
	} {
		script := fmt.Sprintf("mount -t tmpfs %s tmpfs '%s' && exec '%s' %s --config.file='%s'", test.mount, dir, binary, test.command, file)
		out, err := exec.Command(unshare(t), "-Urm", "sh", "-c", script).CombinedOutput()
		if !strings.Contains(string(out), test.want) || (err == nil) != (test.command == "check") {
			t.Errorf("%s on %s: %v\n%s\nwant %s", test.command, test.mount, err, out, test.want)
		}
	}
	if got := runtimeconfig.DiskWarnings(programtest.Loaded(t, strings.Replace(text, "type: trap", "type: inform", 1))); len(got) > 0 {
		t.Errorf("an inform is warned of: %v", got)
	}
}
