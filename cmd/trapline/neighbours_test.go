package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

// From one seed all devices of a campus are found that can be, each once, by LLDP, CDP and ARP, although the process is
// killed under way. Nothing outside of the networks is sent a packet, nor an address that is none of a device.
func TestNeighboursOfACampus(t *testing.T) {
	t.Parallel()
	devices, kills := 60, []time.Duration{4 * time.Second}
	if os.Getenv("TRAPLINE_NEIGHBOURS") == "full" {
		devices, kills = 500, []time.Duration{6 * time.Second, 9 * time.Second}
	}
	fleet := scantest.Fleet{
		Network: netip.MustParsePrefix("127.64.0.0/20"), Devices: devices, Several: devices / 10, Unknown: devices / 25, Mute: devices / 50, Seed: 11,
		Users: []*snmp.User{{Name: "poller", Auth: snmp.SHA, AuthKey: snmp.Passphrase("correct horse")}}, Communities: []string{"one", "two"},
	}
	list := fleet.Make()
	campus := scantest.NewCampus(list, devices/10, 7)
	outside := scantest.Fleet{Network: netip.MustParsePrefix("127.64.64.0/24"), Devices: 10, Seed: 12, Communities: []string{"one"}}
	for i, d := range outside.Make() {
		campus.Name(list[i%5], nil, i%4, d.Addresses[0])
		campus.Name(list[i%5], nil, i%4, netip.MustParseAddr([]string{"127.0.0.1", "0.0.0.0", "224.0.0.5", "255.255.255.255", "fe80::1", "169.254.1.1", "::1", "ff02::1", "127.64.0.0", "127.64.15.255"}[i]))
		list = append(list, d)
	}
	n := scantest.Serve(t, list)
	seed := campus.Devices[0]
	if !seed.Usable() {
		t.Fatal("the seed accepts no login")
	}
	state := filepath.Join(t.TempDir(), "state")
	auth := map[bool]string{true: "secure", false: cmp.Or(seed.Community, "one")}[seed.User != nil]
	config := filepath.Join(t.TempDir(), "snmp.yml")
	text := fmt.Sprintf(`%sstate_dir: %s
modules: {sys: {get: [SNMPv2-MIB::sysUpTime.0]}}
global: {interval: 2s}
targets: [{name: core-1, address: "%s:%d", auth: %s, modules: [sys]}]
discovery:
- name: campus
  neighbours: {seeds: [core-1], within: [127.64.0.0/20], depth: 64, auths: [secure, one, two], port: %d, timeout: 300ms, rate: 5000, subnet_rate: 2000}
assign: [{set: {modules: [sys]}}]
`, scanConfig, state, seed.Addresses[0], n.Port(), auth, n.Port())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := campus.Reachable(64)[1:]
	start := time.Now()
	web := peers.FreeTCPAddress(t)
	for i := 0; i <= len(kills); i++ {
		process := peers.Start(t, nil, program(t), "--config.file="+config, "--web.listen-address="+web)
		awaitReady(t, process, "http://"+web)
		if i < len(kills) {
			time.Sleep(kills[i])
			process.Kill()
			continue
		}
		for end := time.Now().Add(90 * time.Second); len(foundNearby(t, state)) < len(want)-alone(n, want); time.Sleep(200 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("the log ends with %s", process.Output()[max(0, len(process.Output())-4000):])
				break
			}
		}
	}
	took := time.Since(start)
	time.Sleep(3 * time.Second) // for more than there should be
	found := foundNearby(t, state)
	for _, d := range want {
		times := 0
		for addresses := range found {
			if slices.ContainsFunc(d.Addresses, func(a netip.Addr) bool { return slices.Contains(strings.Split(addresses, ","), a.String()) }) {
				times++
			}
		}
		if wrong, _ := n.Wrong(d); times != 1 && wrong < 2 {
			t.Errorf("%v was found %d times", d.Addresses, times)
		}
	}
	if len(found) > len(want) || len(found) < len(want)-alone(n, want) {
		t.Errorf("%d devices were found, want %d", len(found), len(want))
	}
	within, most, silent := netip.MustParsePrefix("127.64.0.0/20"), 0, 0
	for _, a := range n.Asked() {
		if !within.Contains(a) || a == netip.MustParseAddr("127.64.0.0") || a == netip.MustParseAddr("127.64.15.255") {
			t.Errorf("%v was sent a packet", a)
		}
		if !n.IsDevice(a) {
			silent++
		}
	}
	for _, d := range campus.Devices {
		wrong, locked := n.Wrong(d)
		if most = max(most, wrong); wrong > 2 || locked {
			t.Errorf("%v saw %d wrong logins, locked: %v", d.Addresses, wrong, locked)
		}
	}
	t.Logf("%d of %d devices found from one seed in %v with %d kills, %d addresses asked, %d of them of no device, at most %d wrong logins",
		len(found), len(campus.Devices)-1, took.Round(100*time.Millisecond), len(kills), len(n.Asked()), silent, most)
}

// alone returns how many devices saw as many wrong logins as they may before the right one: the process was killed while
// an answer to the first might have been on its way, so that this was sent twice.
func alone(n *scantest.Network, devices []*scantest.Device) (count int) {
	for _, d := range devices {
		if wrong, _ := n.Wrong(d); wrong >= 2 {
			count++
		}
	}
	return count
}

// foundNearby returns the devices of the list by their addresses, as it was saved.
func foundNearby(t *testing.T, state string) map[string]int {
	text, err := statedir.ReadSealed(filepath.Join(state, "discovery", "campus.json"), 1<<20)
	if err != nil {
		return nil
	}
	var saved struct {
		Sources []struct {
			Targets []map[string]string `json:"targets"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, s := range saved.Sources {
		for _, target := range s.Targets {
			found[target["__meta_trapline_addresses"]]++
		}
	}
	return found
}
