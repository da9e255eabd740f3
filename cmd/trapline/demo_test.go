package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/peers"
)

// The demo shows the life of an alarm and nothing else. How long that takes is logged, not judged.
func TestPeersDemoTimeline(t *testing.T) {
	t.Parallel()
	address := peers.FreeTCPAddress(t)
	p := peers.Start(t, nil, program(t), "demo", "--devices=127.0.67.1:0", "--web.listen-address="+address)
	lines := []string{
		`^\d\d:\d\d\.\d  8 of 8 targets up, [\d,]+ series    http://` + regexp.QuoteMeta(address) + `/$`,
		`^\d\d:\d\d\.\d  \(a cable is pulled: switch-1 Te1/1/1\)$`,
		`^\d\d:\d\d\.\d  raised   major    InterfaceDown  switch-1  Te1/1/1 .*uplink to chassis-1.* is down$`,
		`^\d\d:\d\d\.\d  received inform from 127\.0\.0\.1: linkDown ifIndex\.49 = 49 … acknowledged in [\d.]+ ms$`,
		`^\d\d:\d\d\.\d  cleared  InterfaceDown  switch-1  after [\d.]+m?s; linkUp acknowledged in [\d.]+ ms$`,
		`^Next     export TRAPLINE_URL=http://` + regexp.QuoteMeta(address) + ` · trapline targets · trapline top switch-1 · trapline alarms    Ctrl-C stops$`,
	}
	p.Await(t, func() bool { return strings.Contains(p.Output(), "Ctrl-C stops") })
	got := strings.Split(strings.TrimSpace(p.Output()), "\n")
	for i, want := range lines {
		if t.Log(got[i]); !regexp.MustCompile(want).MatchString(got[i]) {
			t.Errorf("line %d is %q, want %s", i+1, got[i], want)
		}
	}
}

// A demo at a port of another one reports that, and nothing of the other one.
func TestASecondDemoShowsNothingOfTheFirst(t *testing.T) {
	t.Parallel()
	_, address, _ := strings.Cut(serveStub(t, stub{"GET /api/v1/status": api.Status{
		Started: time.Now(), Targets: api.TargetCounts{Total: 8, Up: 8}, Series: api.SeriesCounts{Total: 51388},
	}}), "//")
	got := invoke(t, "demo", "--devices=127.0.67.41:0", "--web.listen-address="+address)
	if got.status == 0 || got.out != "" || !strings.Contains(got.errs, "is in use by Trapline") {
		t.Errorf("%+v", got)
	}
}

// A file of two lines polls a device; with a few more it sends an inform. The times are logged, not judged.
func TestPeersFirstMetricAndFirstInform(t *testing.T) {
	t.Parallel()
	program := program(t)
	pulled := 3 * time.Second
	device := agent.LiveSwitch(1, "core", &agent.Pull{First: pulled, Every: time.Hour, Length: time.Hour})
	began := time.Now()
	devices, err := agent.Listen(device.Serve(netip.MustParseAddrPort("127.0.67.7:0")))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = devices.Run(t.Context()) }()
	d, address := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{}), peers.FreeTCPAddress(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"snmp.yml": fmt.Sprintf("targets: [%s]\nglobal: {interval: 1s}\nreceivers: [{name: nms, address: %q}]\nrule_files: [rules.yml]\nstate_dir: %s/state\n", devices.Addr(0), d.Address, dir),
		"rules.yml": `groups: [{name: g, rules: [{alert: PortDown, expr: 'ifOperStatus{ifAlias!=""} == 2 and ifAdminStatus == 1',
  labels: {severity: major}, annotations: {summary: '{{ $labels.ifName }} is down'}}]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	started := time.Now()
	p := peers.Start(t, nil, program, "--config.file="+filepath.Join(dir, "snmp.yml"), "--web.listen-address="+address)
	p.Await(t, func() bool { return hasMetric("http://"+address+"/metrics", "ifHCInOctets{") })
	t.Logf("the first metric came %s after the start", time.Since(started).Round(time.Millisecond))
	p.Await(t, func() bool { return strings.Contains(d.Process.Output(), "NTF ") })
	t.Logf("the first inform came %s after the cable was pulled, with an interval of 1s", (time.Since(began) - pulled).Round(time.Millisecond))
	if text := d.AwaitReceived(t, 1)[0]; !strings.Contains(text, "Te1/1/1 is down") {
		t.Errorf("the inform is %s", text)
	}
}

func hasMetric(url, name string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return err == nil && bytes.Contains(text, []byte(name))
}

// Conditions of a target's first poll are among the alarms, and nobody is notified of them until they have changed.
func TestPeersBaselineIsShownAndNotSent(t *testing.T) {
	t.Parallel()
	program := program(t)
	pull := &agent.Pull{First: 4 * time.Second, Every: time.Hour, Length: time.Hour}
	devices, err := agent.Listen(agent.Switch48(1).Serve(netip.MustParseAddrPort("127.0.67.8:0")), agent.LiveSwitch(2, "core", pull).Serve(netip.MustParseAddrPort("127.0.67.9:0")))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = devices.Run(t.Context()) }()
	d, address, dir := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{}), peers.FreeTCPAddress(t), t.TempDir()
	for name, text := range map[string]string{
		"snmp.yml": fmt.Sprintf("targets: [%s, %s]\nglobal: {interval: 1s}\nreceivers: [{name: nms, address: %q}]\nrule_files: [rules.yml]\nstate_dir: %s/state\n",
			devices.Addr(0), devices.Addr(1), d.Address, dir),
		"rules.yml": `groups: [{name: g, rules: [{alert: PortDown, expr: 'ifOperStatus{ifAlias!=""} == 2 and ifAdminStatus == 1', annotations: {baseline: 'true', summary: '{{ $labels.ifName }} is down'}}]}]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := peers.Start(t, nil, program, "--config.file="+filepath.Join(dir, "snmp.yml"), "--web.listen-address="+address)
	d.AwaitReceived(t, 1)
	r := runIn(t, dir, "alarms", "--url=http://"+address, "-o", "json")
	var list []api.Alarm
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		t.Fatalf("%v: %+v\n%s", err, r, p.Output())
	}
	held := 0
	for _, a := range list {
		of := strings.Contains(devices.Addr(0).String(), a.Target)
		if a.Baseline != of {
			t.Errorf("alarm %+v", a)
		}
		if a.Baseline {
			held++
		}
	}
	if held < 3 || len(list) != held+1 {
		t.Errorf("%d alarms, %d of them not sent", len(list), held)
	}
	if received := d.AwaitReceived(t, 1); len(received) != 1 {
		t.Errorf("%d informs", len(received))
	}
	if r := runIn(t, dir, "alarms", "--url=http://"+address); strings.Count(r.out, "not sent: so since it was first polled") != held {
		t.Errorf("the list is\n%s", r.out)
	}
}
