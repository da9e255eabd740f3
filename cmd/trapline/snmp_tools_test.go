package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/cmd/trapline/tools"
	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
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

// TestCommandsBesideNetSNMP runs every command of the reference against switches, snmpd or snmpsimd. Where it is
// followed by its equivalent of Net-SNMP, both print the same, or snmptrapd receives the same of both.
func TestCommandsBesideNetSNMP(t *testing.T) {
	t.Parallel()
	peers.Require(t, "snmpbulkwalk", "snmp")
	p := startToolPeers(t)
	pairs, single := 0, 0
	for _, block := range documentBlocks(t, snmpTools, "sh") {
		for _, paragraph := range strings.Split(strings.TrimSpace(block.text), "\n\n") {
			lines := strings.Split(paragraph, "\n")
			if len(lines) == 1 || !strings.HasPrefix(lines[1], "snmp") {
				for _, l := range lines {
					if p.output(t, l) == "" {
						t.Errorf("%s prints nothing", l)
					}
					single++
				}
				continue
			}
			print := p.printed
			if sends.MatchString(lines[1]) {
				print = p.notified
			}
			if ours, theirs := print(t, lines[:1], len(lines)-1), print(t, lines[1:], len(lines)-1); ours != theirs || ours == "" {
				t.Errorf("%s:\n%s\n%s:\n%s", lines[0], ours, strings.Join(lines[1:], "\n"), theirs)
			}
			pairs++
		}
	}
	if pairs < 35 || single < 12 {
		t.Errorf("only %d pairs and %d commands were found", pairs, single)
	}
}

// toolPeers are the peers of the commands of the reference.
type toolPeers struct {
	binary    string
	receivers []*peers.Snmptrapd
	addresses *strings.Replacer // of the reference
	cache     string
}

func startToolPeers(t *testing.T) *toolPeers {
	box := snmp.VarBind{Name: mustOID(t, "1.3.6.1.4.1.99999.1.0"), Type: snmp.Integer, Value: []byte{42}}
	devices := programtest.StartDevices(t, "127.0.34.1:0", agent.Faults{}, motionless(agent.Switch48(1), box), motionless(agent.Switch48(2)))
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{
		EngineID: "80001f8804736e6d70642d74657374",
		Config:   settable + createMonitor + "\nrouser monitor priv",
	})
	simulated := peers.StartSnmpsimd(t, recordingsNamed("public"))
	var receivers []*peers.Snmptrapd
	for range 2 {
		receivers = append(receivers, peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Config: "authUser log monitor priv\n" + createMonitor + "\n" +
			strings.Replace(createMonitor, "createUser", "createUser -e 0x8000000001020304", 1)}))
	}
	mibs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(boxMIB)) }))
	t.Cleanup(mibs.Close)
	return &toolPeers{
		binary: program(t), receivers: receivers, cache: t.TempDir(),
		addresses: strings.NewReplacer("127.0.0.1:1161", devices.Addr(0).String(), "127.0.0.1:3161", devices.Addr(1).String(),
			"127.0.0.1:2161", snmpd.Address, "127.0.0.1:4161", simulated.Addresses[0], "127.0.0.1:1162", receivers[0].Address, "127.0.0.1:2162", receivers[1].Address,
			"http://127.0.0.1:8080", mibs.URL, "/var/lib/trapline", t.TempDir()),
	}
}

// motionless is a recording in which nothing moves, so that two commands see the same.
func motionless(r *agent.Recording, more ...snmp.VarBind) *agent.Recording {
	var b agent.Builder
	for i := range r.Len() {
		v := r.Object(i, 0)
		b.Add(v.Name, v.Type, v.Value)
	}
	for _, v := range more {
		b.Add(v.Name, v.Type, v.Value)
	}
	return b.Recording()
}

const createMonitor = "createUser monitor SHA " + peers.AuthPassphrase + " AES " + peers.PrivPassphrase

var (
	sends  = regexp.MustCompile(`^snmp(trap|inform) `)
	source = regexp.MustCompile(` src=\S+ \S+`)
)

// notified runs lines of the reference that send so many notifications, and returns those that the receivers get.
func (p *toolPeers) notified(t *testing.T, lines []string, n int) string {
	t.Helper()
	received := func() (all []string) {
		for _, d := range p.receivers {
			all = append(all, delivered(d)...)
		}
		return all
	}
	before := received()
	for _, line := range lines {
		p.output(t, line)
	}
	p.receivers[0].Process.Await(t, func() bool { return len(received()) >= len(before)+n })
	var got []string
	for _, line := range received() {
		if !slices.Contains(before, line) {
			got = append(got, source.ReplaceAllString(line, ""))
		}
	}
	slices.Sort(got)
	return strings.Join(got, "\n")
}

// printed runs lines of the reference, and returns their output without the names of targets above it.
func (p *toolPeers) printed(t *testing.T, lines []string, _ int) string {
	t.Helper()
	var all strings.Builder
	for _, line := range lines {
		all.WriteString(targetName.ReplaceAllString(p.output(t, line), ""))
	}
	return all.String()
}

var targetName = regexp.MustCompile(`(?m)^\n?==> .* <==\n`)

func (p *toolPeers) output(t *testing.T, line string) string {
	t.Helper()
	return output(t, p.binary, p.addresses, line, "CACHE_DIRECTORY="+p.cache)
}

// output runs a line of the reference with its example addresses replaced.
func output(t *testing.T, binary string, addresses *strings.Replacer, line string, env ...string) string {
	t.Helper()
	words, err := tools.ShellWords(addresses.Replace(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if words[0] == "trapline" {
		words[0] = binary
	}
	c := exec.CommandContext(t.Context(), words[0], words[1:]...)
	c.Dir = root
	c.Env = append(os.Environ(), append(peers.NetSNMPEnvironment(t, t.TempDir()), env...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Errorf("%s: %v: %s", line, err, stderr.String())
	}
	// Net-SNMP ends its hexadecimal lines with a blank.
	return strings.ReplaceAll(string(out), " \n", "\n")
}
