package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

// trial is a scan of simulated devices by a process that is killed.
type trial struct {
	fleet scantest.Fleet
	kills []time.Duration // when, since the first start of the sweep, then since each start
	rate  int
}

const scanConfig = `auths:
  secure: {version: 3, username: poller, security_level: authNoPriv, auth_protocol: SHA, password: correct horse}
  one: {version: 2, community: one}
  two: {version: 2, community: two}
`

func (r *trial) run(t *testing.T, binary string) {
	r.fleet.Users = []*snmp.User{{Name: "poller", Auth: snmp.SHA, AuthKey: snmp.Passphrase("correct horse")}}
	r.fleet.Communities = []string{"one", "two"}
	devices := r.fleet.Make()
	n := scantest.Serve(t, devices)
	dir := t.TempDir()
	config := filepath.Join(dir, "snmp.yml")
	if err := os.WriteFile(config, []byte(scanConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "targets.json")
	args := []string{"scan", r.fleet.Network.String(), "--config.file=" + config, "--auth=secure,one,two", fmt.Sprintf("--rate=%d", r.rate),
		"--subnet-rate=1000", fmt.Sprintf("--port=%d", n.Port()), "-o", list}
	start, largest := time.Now(), int64(0)
	for i := 0; ; i++ {
		command := exec.Command(binary, args...)
		command.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir)
		var output strings.Builder
		command.Stdout, command.Stderr = &output, &output
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if i < len(r.kills) {
			go func() {
				awaitBegun(t, dir)
				time.Sleep(r.kills[i])
				_ = command.Process.Kill()
			}()
		}
		err := command.Wait()
		largest = max(largest, command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		if err == nil {
			break
		}
		if i >= len(r.kills) {
			t.Fatalf("%v: %s", err, &output)
		}
		if i == 0 {
			args = append(args, "--resume")
		}
	}
	t.Logf("%d addresses, %d devices, killed %d times: %v, largest RSS %d MB", 1<<(32-r.fleet.Network.Bits()), len(devices), len(r.kills), time.Since(start).Round(100*time.Millisecond), largest>>10)
	r.compare(t, n, devices, list)
}

// awaitBegun waits until a scan that has its state below a directory has begun.
func awaitBegun(t *testing.T, dir string) {
	for ; t.Context().Err() == nil; time.Sleep(5 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*.jsonl"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), `"begun"`) {
				return
			}
		}
	}
}

// compare compares the list with the devices, and counts the datagrams that these saw.
func (r *trial) compare(t *testing.T, n *scantest.Network, devices []*scantest.Device, file string) {
	text, err := os.ReadFile(file)
	var list []struct {
		Labels map[string]string `json:"labels"`
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, d := range list {
		found[d.Labels["__meta_trapline_addresses"]]++
	}
	wrong, locked, usable, missed := [8]int{}, 0, 0, 0
	for _, d := range devices {
		logins, isLocked := n.Wrong(d)
		wrong[min(logins, 7)]++
		if isLocked {
			locked++
		}
		if !d.Usable() {
			continue
		}
		usable++
		if found[joined(d.Addresses)] != 1 {
			missed++
			t.Errorf("%v was found %d times, engine %x, community %q", d.Addresses, found[joined(d.Addresses)], d.Engine, d.Community)
			for _, a := range d.Addresses {
				t.Logf("%v saw %+v", a, n.Counts(a))
			}
		}
	}
	most := scantest.Counts{}
	for _, a := range n.Asked() {
		if n.IsDevice(a) {
			continue
		}
		c := n.Counts(a)
		most.Discoveries, most.Logins = max(most.Discoveries, c.Discoveries), max(most.Logins, c.Logins)
	}
	t.Logf("found %d of %d, %d missed; devices by wrong logins %v, locked %d; a silent address saw at most %d discoveries, %d communities",
		len(list), usable, missed, wrong, locked, most.Discoveries, most.Logins)
	if len(list) != usable || locked > 0 {
		t.Errorf("%d devices found, want %d; %d locked", len(list), usable, locked)
	}
	if retries := 1; most.Discoveries > retries+1+len(r.kills) || most.Logins > 2+len(r.kills) {
		t.Errorf("a silent address saw %+v", most)
	}
}

func joined(addresses []netip.Addr) string {
	var list []string
	for _, a := range slices.SortedFunc(slices.Values(addresses), netip.Addr.Compare) {
		list = append(list, a.String())
	}
	return strings.Join(list, ",")
}

// A scan that is killed twice goes on: each device is found once, and none is locked.
func TestScanThatIsKilled(t *testing.T) {
	binary := program(t)
	r := trial{
		fleet: scantest.Fleet{Network: netip.MustParsePrefix("127.82.8.0/22"), Devices: 150, Several: 15, Clones: 5, Unknown: 6, Mute: 3, Seed: 9},
		kills: []time.Duration{700 * time.Millisecond, 1500 * time.Millisecond}, rate: 2000,
	}
	if os.Getenv("TRAPLINE_SCAN") == "full" {
		r = trial{
			fleet: scantest.Fleet{Network: netip.MustParsePrefix("127.82.0.0/16"), Devices: 2000, Several: 200, Clones: 20, Unknown: 20, Mute: 10, Seed: 9},
			kills: []time.Duration{}, rate: 10_000,
		}
		for _, text := range strings.Fields(os.Getenv("TRAPLINE_SCAN_KILLS")) {
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			r.kills = append(r.kills, d)
		}
	}
	r.run(t, binary)
}
