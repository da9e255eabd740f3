package main

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	rulescmd "trapline/cmd/trapline/rules"
	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

// port is a device with one interface, up(1) or down(2).
func port(status int64) *agent.Recording {
	var b agent.Builder
	b.Int(snmp.MustParseOID("1.3.6.1.2.1.2.2.1.7.3"), 1)
	b.Int(snmp.MustParseOID("1.3.6.1.2.1.2.2.1.8.3"), status)
	b.Text(snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.1.3"), "Gi3")
	return b.Recording()
}

// serveAt has a device answer at an address until it is stopped.
func serveAt(t testing.TB, address netip.AddrPort, r *agent.Recording) (at netip.AddrPort, stop func()) {
	t.Helper()
	server, err := agent.Listen(r.Serve(address))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	return server.Addr(0), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

const alarmsDocument = "docs/5-alarms.md"

// rulesOfTheDocuments are the configuration of the documents that has rules, and those.
func rulesOfTheDocuments(t testing.TB) (configuration, rules string) {
	t.Helper()
	for _, block := range documentBlocks(t, alarmsDocument, "yaml") {
		if strings.Contains(block.text, "rule_files: [rules.yml]") && strings.HasPrefix(block.text, "# snmp.yml") {
			return block.text, blockOf(t, "# rules.yml")
		}
	}
	t.Fatalf("%s has no configuration with rules", alarmsDocument)
	return "", ""
}

// The example of docs/5-alarms.md, word for word but for the addresses: a port goes down and comes back.
func TestPeersTheRulesOfTheDocuments(t *testing.T) {
	t.Parallel()
	configuration, rules := rulesOfTheDocuments(t)
	snmptrapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	address, stop := serveAt(t, netip.MustParseAddrPort("127.0.36.1:0"), port(2))
	path := programtest.InDir(t, map[string]string{
		"rules.yml": rules,
		"snmp.yml":  strings.NewReplacer("192.0.2.9", snmptrapd.Address, "192.0.2.1", address.String(), "/var/lib/trapline", t.TempDir()).Replace(configuration),
	})
	startServerWith(t, "--config.file="+path("snmp.yml"))
	const row = "|~|.1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.7.3 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.3 = INTEGER: "
	tells := func(notification string) func() bool {
		return func() bool { return mentions(snmptrapd, "= OID: .1.3.6.1.6.3.1.1.5."+notification) == 1 }
	}
	snmptrapd.Process.Await(t, tells("3"+row+`2|~|.1.3.6.1.2.1.31.1.1.1.1.3 = STRING: "Gi3"`))
	stop()
	_, stop = serveAt(t, address, port(1))
	defer stop()
	snmptrapd.Process.Await(t, tells("4"+row+"1"))
	if n := len(delivered(snmptrapd)); n != 2 {
		t.Errorf("%d notifications:\n%s", n, strings.Join(delivered(snmptrapd), "\n"))
	}
}

// The test of docs/5-alarms.md is one of promtool's, and ours.
func TestTheUnitTestOfTheDocuments(t *testing.T) {
	promtool := peers.Require(t, "promtool", "prometheus")
	_, rules := rulesOfTheDocuments(t)
	path := programtest.InDir(t, map[string]string{"rules.yml": rules, "tests.yml": blockOf(t, "# tests.yml")})
	if out, err := exec.Command(promtool, "test", "rules", path("tests.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	var out strings.Builder
	if err := rulescmd.PrintUnitTests(&out, rulescmd.RunUnitTests([]string{path("tests.yml")}, builtInOptions())); err != nil || out.String() != "1 tests passed\n" {
		t.Errorf("%v\n%s", err, out.String())
	}
}
