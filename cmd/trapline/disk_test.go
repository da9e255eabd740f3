package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// inMemory runs a command in a mount namespace of its own, where dir is a disk of a megabyte, of which a file
// that is called filler leaves so many kibibytes.
func inMemory(t *testing.T, dir string, left int, command ...string) *peers.Process {
	t.Helper()
	script := fmt.Sprintf("mount -t tmpfs -o size=1m tmpfs '%s' && head -c %dK /dev/zero > '%[1]s/filler' && exec \"$@\"", dir, 1024-left)
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

// While the disk is full, alerts are refused in words, and none of those is told; once there is room, those
// that were taken are told, and all that come.
func TestAFullDiskTakesNoAlertsAndLosesNone(t *testing.T) {
	t.Parallel()
	dir, file, address := t.TempDir(), filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	receiver, _ := peers.FreeUDPAddresses(t)
	text := notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q, rate: 1000, every_transition: true}\n", receiver))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := inMemory(t, dir, 200, program(t), "--config.file="+file, "--web.listen-address="+address)
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
	raises := func() int { return strings.Count(strings.Join(told(d), "\n"), "32473.1.0.1|~|") }
	d.Await(t, func() bool { return raises() >= taken+1 })
	if got := strings.Join(told(d), "\n"); strings.Contains(got, fmt.Sprintf("%q", fmt.Sprintf("device-%d", taken))) || raises() != taken+1 {
		t.Errorf("%d were taken, %d were told, and the one that was refused among them", taken, raises())
	}
}

// post gives what is answered but 200.
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

// A disk that nothing can be written to is told before anything is sent.
func TestAStateDirectoryThatCannotBeWritten(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "snmp.yml")
	below := filepath.Join(dir, "state")
	text := notifying(t, below, "- {name: nms, type: trap, auth: secure, address: 127.0.0.1:9}\n")
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
	if got := diskWarnings(loaded(t, strings.Replace(text, "type: trap", "type: inform", 1))); len(got) > 0 {
		t.Errorf("an inform is warned of: %v", got)
	}
}
