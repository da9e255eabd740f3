package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// namedDevice is a device that has this name and sysUpTime.
func namedDevice(name string, uptime uint64) *agent.Recording {
	var b agent.Builder
	oid := snmp.MustParseOID
	b.Text(oid("1.3.6.1.2.1.1.1.0"), "Acme OS\r\nVersion 7")
	b.ObjectID(oid("1.3.6.1.2.1.1.2.0"), oid("1.3.6.1.4.1.99999.1"))
	b.Uint(oid("1.3.6.1.2.1.1.3.0"), snmp.TimeTicks, uptime)
	b.Text(oid("1.3.6.1.2.1.1.5.0"), name)
	b.Text(oid("1.3.6.1.2.1.1.6.0"), "Berlin")
	return b.Recording()
}

// namedRig is a server whose list has devices without names.
type namedRig struct {
	t                 *testing.T
	dir, config, base string
	process           *peers.Process
}

func (r *namedRig) start() {
	web := peers.FreeTCPAddress(r.t)
	r.base = "http://" + web
	r.process = peers.Start(r.t, nil, program(r.t), "--config.file="+r.config, "--web.listen-address="+web)
}

// list has the list of these addresses.
func (r *namedRig) list(addresses ...string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "devices.json")
	text, err := json.Marshal([]map[string][]string{{"targets": append([]string{}, addresses...)}})
	if err == nil {
		err = os.WriteFile(file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// targets returns the addresses of targets by name.
func (r *namedRig) targets() map[string]string {
	all := map[string]string{}
	response, err := http.Get(r.base + "/api/v1/targets")
	if err != nil {
		return all
	}
	defer response.Body.Close()
	var page struct {
		Data struct {
			Targets []struct{ Name, Address string }
		}
	}
	if json.NewDecoder(response.Body).Decode(&page) != nil {
		return all
	}
	for i := range page.Data.Targets {
		all[page.Data.Targets[i].Name] = page.Data.Targets[i].Address
	}
	return all
}

// await waits until exactly these are targets.
func (r *namedRig) await(want map[string]string) {
	r.t.Helper()
	r.process.Await(r.t, func() bool { return maps.Equal(r.targets(), want) })
}

// run runs a command against the server.
func (r *namedRig) run(args ...string) (text string, code int) {
	c := exec.Command(program(r.t), append(args, "--url="+r.base)...)
	out, _ := c.CombinedOutput()
	return string(out), c.ProcessState.ExitCode()
}

// Devices of a list get their names of sysName, one GET before the first poll. One that is silent is polled under its
// address until it answers. What devices say costs nobody else: names of others, names that are none. Names are kept over
// restarts, silence and other sysNames, until the list is accepted.
func TestNamesOfListedDevices(t *testing.T) {
	t.Parallel()
	at := func(n int) netip.AddrPort { return netip.MustParseAddrPort(fmt.Sprintf("127.0.65.%d:16501", n)) }
	address := func(n int) string { return at(n).String() }
	serve := func(n int, name string, uptime uint64) (stop func()) {
		d := namedDevice(name, uptime).Serve(at(n))
		s, err := agent.Listen(d)
		if err != nil {
			t.Fatal(err)
		}
		return serveAgent(t, s)
	}
	stop1 := serve(1, "core-1", 500)
	serve(3, "core-1", 500)
	serve(4, strings.Repeat("x", 1200), 500)
	serve(5, "{{ .sysName }}", 500)
	serve(6, "sw\x1b[2J", 500)
	r := &namedRig{t: t, dir: t.TempDir()}
	r.config = filepath.Join(r.dir, "snmp.yml")
	text := fmt.Sprintf(`state_dir: %s
global: {interval: 1s, timeout: 500ms, retries: 0}
modules: {sys: {get: [1.3.6.1.2.1.1.3.0], metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: H.}]}}
assign:
- match: {sysObjectID: 1.3.6.1.4.1.99999, sysDescr: "Acme.*7"}
  set: {labels: {maker: acme, place: "{{ .sysLocation }}"}}
- set: {modules: [sys], name: "{{ .sysName }}"}
discovery:
- {name: campus, file_sd_configs: [{files: [devices.json]}]}
`, filepath.Join(r.dir, "state"))
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.list(address(1), address(2), address(3), address(4), address(5), address(6))
	r.start()
	want := map[string]string{"core-1": address(1), address(2): address(2), address(3): address(3), address(4): address(4), "{{ .sysName }}": address(5), address(6): address(6)}
	r.await(want)
	if out, code := r.run("targets", "maker=acme", "place=Berlin"); code != 0 || !strings.Contains(out, "core-1") {
		t.Errorf("status %d: %s", code, out)
	}
	out, code := r.run("targets", "lists")
	if code != 0 || !strings.Contains(out, "core-1, which it would get, too") || !strings.Contains(out, "cannot be the name of a target") || strings.Contains(out, "\x1b[2J") {
		t.Errorf("status %d: %s", code, out)
	}

	serve(2, "core-2", 500) // at last
	delete(want, address(2))
	want["core-2"] = address(2)
	r.await(want)

	stop1()
	r.process.Kill()
	r.start()
	r.await(want) // core-1 is silent, and named
	serve(1, "core-9", 1)
	r.process.Await(t, func() bool {
		out, _ = r.run("targets", "lists")
		return strings.Contains(out, "it would be called core-9")
	})
	r.await(want)
	if out, code = r.run("targets", "accept", "campus"); code != 0 {
		t.Errorf("status %d: %s", code, out)
	}
	delete(want, "core-1")
	delete(want, address(3))
	want["core-9"], want["core-1"] = address(1), address(3)
	r.await(want)

	r.list() // of nothing, which is doubted
	r.process.Await(t, func() bool {
		out, code = r.run("targets", "lists")
		return code == 1 && strings.Contains(out, "campus has lost 6 targets at once")
	})
	r.await(want)
	if out, code = r.run("targets", "accept", "campu"); code != 2 || !strings.Contains(out, "campus") {
		t.Errorf("status %d: %s", code, out)
	}
	if out, code = r.run("targets", "accept", "campus"); code != 0 {
		t.Errorf("status %d: %s", code, out)
	}
	r.await(map[string]string{})
	if out, code = r.run("targets", "lists"); code != 0 {
		t.Errorf("status %d: %s", code, out)
	}
}

// serveAgent serves devices until it is stopped, or the test ends.
func serveAgent(t *testing.T, s *agent.Server) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}
