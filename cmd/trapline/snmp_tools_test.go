package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

func mustOID(t testing.TB, s string) snmp.OID {
	t.Helper()
	o, err := snmp.ParseOID(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestCommandsBesideNetSNMP runs every command of the reference against a switch or, for SNMPv3, snmpd. Where it is
// followed by its equivalent of Net-SNMP, both print the same, or snmptrapd receives the same of both.
func TestCommandsBesideNetSNMP(t *testing.T) {
	t.Parallel()
	peers.Require(t, "snmpbulkwalk", "snmp")
	var b agent.Builder
	r := agent.Switch48(1)
	for i := range r.Len() { // nothing moves, so that two commands see the same
		v := r.Object(i, 0)
		b.Add(v.Name, v.Type, v.Value)
	}
	device := startDevices(t, "127.0.34.1:0", agent.Faults{}, b.Recording()).Addr(0).String()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{
		EngineID: "80001f8804736e6d70642d74657374",
		Config:   createMonitor + "\nrouser monitor priv",
	})
	snmptrapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Config: "authUser log monitor priv\n" + createMonitor + "\n" +
		strings.Replace(createMonitor, "createUser", "createUser -e 0x8000000001020304", 1)})
	addresses := strings.NewReplacer("127.0.0.1:1161", device, "127.0.0.1:2161", snmpd.Address, "127.0.0.1:1162", snmptrapd.Address, "/var/lib/trapline", t.TempDir())
	binary := program(t)
	pairs, single := 0, 0
	for _, block := range documentBlocks(t, snmpTools, "sh") {
		for _, paragraph := range strings.Split(strings.TrimSpace(block.text), "\n\n") {
			lines := strings.Split(paragraph, "\n")
			if len(lines) == 2 && sends.MatchString(lines[1]) {
				ours, theirs := notified(t, snmptrapd, binary, addresses, lines[0]), notified(t, snmptrapd, binary, addresses, lines[1])
				if ours != theirs {
					t.Errorf("%s sends\n%s\n%s sends\n%s", lines[0], ours, lines[1], theirs)
				}
				pairs++
				continue
			}
			if len(lines) == 2 && strings.HasPrefix(lines[1], "snmp") {
				ours, theirs := output(t, binary, addresses, lines[0]), output(t, binary, addresses, lines[1])
				if ours != theirs || ours == "" {
					t.Errorf("%s prints\n%s\n%s prints\n%s", lines[0], ours, lines[1], theirs)
				}
				pairs++
				continue
			}
			for _, l := range lines {
				if output(t, binary, addresses, l) == "" {
					t.Errorf("%s prints nothing", l)
				}
				single++
			}
		}
	}
	if pairs < 17 || single < 6 {
		t.Errorf("only %d pairs and %d commands were found", pairs, single)
	}
}

const createMonitor = "createUser monitor SHA " + peers.AuthPassphrase + " AES " + peers.PrivPassphrase

var (
	sends  = regexp.MustCompile(`^snmp(trap|inform) `)
	source = regexp.MustCompile(` src=\S+ \S+`)
)

// notified runs a line of the reference that sends a notification, and gives what snmptrapd receives.
func notified(t *testing.T, d *peers.Snmptrapd, binary string, addresses *strings.Replacer, line string) string {
	t.Helper()
	before := len(told(d))
	output(t, binary, addresses, line)
	d.Await(t, func() bool { return len(told(d)) > before })
	return source.ReplaceAllString(told(d)[before], "")
}

// output runs a line of the reference with its example addresses replaced.
func output(t *testing.T, binary string, addresses *strings.Replacer, line string) string {
	t.Helper()
	words := strings.Fields(addresses.Replace(line))
	if words[0] == "trapline" {
		words[0] = binary
	}
	c := exec.CommandContext(context.Background(), words[0], words[1:]...)
	c.Dir = "../.."
	c.Env = append(os.Environ(), peers.NetSNMPEnvironment(t, t.TempDir())...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Errorf("%s: %v: %s", line, err, stderr.String())
	}
	// Net-SNMP ends its hexadecimal lines with a blank.
	return strings.ReplaceAll(string(out), " \n", "\n")
}
