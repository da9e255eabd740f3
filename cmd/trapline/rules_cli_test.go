package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"

	"trapline/cmd/trapline/serve"
	"trapline/internal/cli"
	"trapline/internal/programtest"
)

// A device is recorded by walk as often as it takes, and replay prints the notifications that would have been sent.
func TestPeersRecordAndReplay(t *testing.T) {
	t.Parallel()
	path := programtest.InDir(t, map[string]string{"snmp.yml": `auths: {public_v2: {version: 2}}
modules:
  system: {get: [SNMPv2-MIB::sysUpTime.0, SNMPv2-MIB::sysName.0]}
rule_files: [rules.yml]
targets: [{name: snmpd, address: 127.0.0.1, modules: [system]}]
`, "rules.yml": `groups:
- name: g
  rules:
  - {alert: Young, expr: sysUpTime < 1e9, annotations: {trap_notification: SNMPv2-MIB::coldStart, trap_varbinds: 'sysName.0 = {{ $labels.target }}'}}
`})
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	binary := program(t)
	if err := os.Mkdir(path("snmpd"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1.snmprec", "2.snmprec"} {
		text := output(t, binary, strings.NewReplacer(), "trapline walk --snmprec -c public "+snmpd.Address+" 1.3.6.1.2.1.1")
		if err := os.WriteFile(filepath.Join(path("snmpd"), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := output(t, binary, strings.NewReplacer(), "trapline rules replay --config.file "+path("snmp.yml")+" --start 2026-01-01T00:00:00Z "+path("snmpd"))
	want := "2026-01-01T00:00:00Z raise Young of snmpd to any: SNMPv2-MIB::coldStart\n  SNMPv2-MIB::sysName.0 = STRING: snmpd\n  SNMP-COMMUNITY-MIB::snmpTrapAddress.0 = IpAddress: 127.0.0.1\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// The demo has the rules that ship with the program judge its devices.
func TestTheDemoHasRules(t *testing.T) {
	t.Parallel()
	base := "http://" + startDemo(t)
	awaitMatch(t, base+"/metrics", `trapline_rules_evaluations_total [1-9]`)
}

// startDemo runs `trapline demo` and returns its address.
func startDemo(t *testing.T) string {
	t.Helper()
	address := peers.FreeTCPAddress(t)
	program := cli.NewProgram("")
	serve.AddDemo(program)
	name, err := program.App.Parse([]string{"demo", "--no-web.targets", "--web.listen-address=" + address})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- program.Commands[name](ctx, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatal(err)
		case <-tick.C:
		}
	}
}
