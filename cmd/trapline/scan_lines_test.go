package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/config"
	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/scan/scantest"
)

// scannedNetwork is a network of devices with communities, and a configuration to scan it with.
func scannedNetwork(t *testing.T, network string, devices int) (usable int, n *scantest.Network, dir string) {
	t.Helper()
	fleet := scantest.Fleet{Network: netip.MustParsePrefix(network), Devices: devices, Seed: 3, Communities: []string{"one", "two"}}
	list := fleet.Make()
	for _, d := range list {
		if d.Usable() {
			usable++
		}
	}
	n, dir = scantest.Serve(t, list), t.TempDir()
	text := "auths: {one: {version: 2, community: one}, two: {version: 2, community: two}}\nmodules: {if_mib: {walk: [IF-MIB::ifTable]}}\n"
	if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return usable, n, dir
}

// scanCommand is a scan of the network in a process with a cache of its own.
func scanCommand(t *testing.T, dir string, args ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	c := exec.Command(program(t), append([]string{"scan"}, args...)...)
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir)
	var output strings.Builder
	c.Stdout, c.Stderr = &output, &output
	return c, &output
}

func targetsIn(t *testing.T, file string) (names []string) {
	t.Helper()
	c, err := config.Load([]string{filepath.Join(filepath.Dir(file), "snmp.yml"), file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Targets {
		names = append(names, c.Targets[i].Address)
	}
	slices.Sort(names)
	return names
}

// Ctrl-C writes what was found until then, which passes check, and --resume finds the rest. Where standard error is no
// terminal, a line every ten seconds says how far the scan is.
func TestScanThatIsInterrupted(t *testing.T) {
	t.Parallel()
	const network = "127.66.128.0/23"
	usable, n, dir := scannedNetwork(t, network, 60)
	first, all := filepath.Join(dir, "first.yml"), filepath.Join(dir, "all.yml")
	args := []string{network, "--config.file=" + filepath.Join(dir, "snmp.yml"), "--auth=one,two", fmt.Sprintf("--port=%d", n.Port())}
	c, output := scanCommand(t, dir, append(slices.Clone(args), "--rate=60", "--subnet-rate=60", "-o", first)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	interrupt := time.AfterFunc(11*time.Second, func() { _ = c.Process.Signal(syscall.SIGINT) })
	defer interrupt.Stop()
	_ = c.Wait()
	if status := c.ProcessState.ExitCode(); status != cli.ExitInterrupted {
		t.Fatalf("exit status %d: %s", status, output)
	}
	progress := regexp.MustCompile(`(?m)^127\.66\.128\.0/23  \d+ %  [\d,]+ of 510  \d+ found(, \d+ new)?  60/s  .+ left$`)
	if lines := progress.FindAllString(output.String(), -1); len(lines) != 1 {
		t.Errorf("%d lines of progress: %s", len(lines), output)
	}
	some := targetsIn(t, first)
	if len(some) == 0 || len(some) == usable {
		t.Errorf("%d targets were written after a part of the scan: %s", len(some), output)
	}
	again, output := scanCommand(t, dir, append(slices.Clone(args), "--resume", "--rate=500", "--subnet-rate=500", "--timeout=3s", "-o", all)...)
	if err := again.Run(); err != nil || !strings.Contains(output.String(), "goes on") {
		t.Fatalf("%v: %s", err, output)
	}
	if found := targetsIn(t, all); len(found) != usable || slices.ContainsFunc(some, func(a string) bool { return !slices.Contains(found, a) }) {
		t.Errorf("%d targets of %d, of which the first %d", len(found), usable, len(some))
	}
	if none, output := scanCommand(t, dir, append(slices.Clone(args), "--resume")...); none.Run() == nil || none.ProcessState.ExitCode() != cli.ExitUsage {
		t.Errorf("a scan goes on that was not interrupted: %s", output)
	}
}

// With --url the server says what its lists have found, in all formats, and no device is sent anything.
func TestScanOfAServer(t *testing.T) {
	t.Parallel()
	const network = "127.66.130.0/24"
	usable, n, dir := scannedNetwork(t, network, 12)
	file, web := filepath.Join(dir, "snmp.yml"), peers.FreeTCPAddress(t)
	text := fmt.Sprintf(`auths: {one: {version: 2, community: one}, two: {version: 2, community: two}}
global: {interval: 1h}
modules: {sys: {get: [SNMPv2-MIB::sysUpTime.0]}}
assign: [{set: {modules: [sys]}}]
discovery: [{name: campus, scan: {networks: [%s], auths: [one, two], port: %d, rate: 2000, subnet_rate: 2000}}]
`, network, n.Port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := peers.Start(t, nil, program(t), "--config.file="+file, "--web.listen-address="+web)
	server.Await(t, func() bool {
		response, err := http.Get("http://" + web + "/-/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	url := "--url=http://" + web
	found := 0
	server.Await(t, func() bool {
		c, output := scanCommand(t, dir, url, "-o", "csv")
		_ = c.Run() // which fails before something was found
		found = strings.Count(output.String(), fmt.Sprintf(":%d,", n.Port()))
		return found >= usable
	})
	for format, want := range map[string]string{"yaml": "targets:", "json": `"__param_auth": "`, "table": fmt.Sprintf("%d devices found by campus", found)} {
		if c, output := scanCommand(t, dir, url, "-o", format); c.Run() != nil || !strings.Contains(output.String(), want) {
			t.Errorf("%s: %s", format, output)
		}
	}
	if c, output := scanCommand(t, dir, url, "192.0.2.0/24"); c.Run() == nil || !strings.Contains(output.String(), "0 devices found by campus") {
		t.Errorf("of another network: %s", output)
	}
	if c, output := scanCommand(t, dir); c.Run() == nil || c.ProcessState.ExitCode() != cli.ExitUsage {
		t.Errorf("without networks: %s", output)
	}
}
