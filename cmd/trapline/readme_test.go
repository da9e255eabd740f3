package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/notify"
	"trapline/internal/peers"
	"trapline/internal/snmp"
	"trapline/mibs"
)

func mustOID(t testing.TB, s string) snmp.OID {
	t.Helper()
	o, err := snmp.ParseOID(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func readme(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks gives the code blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// blockOf gives the one block of YAML with that first line.
func blockOf(t testing.TB, first string) string {
	t.Helper()
	for _, block := range blocks(readme(t), "yaml") {
		if strings.HasPrefix(block, first+"\n") {
			return block
		}
	}
	t.Fatalf("the README has no block %q", first)
	return ""
}

func TestConfigurationsOfTheReadme(t *testing.T) {
	checked := 0
	for _, block := range blocks(readme(t), "yaml") {
		if !strings.HasPrefix(block, "# snmp.yml") {
			continue
		}
		path := inDir(t, map[string]string{"snmp.yml": block, "rules.yml": blockOf(t, "# rules.yml")})
		if _, err := config.Load([]string{path("snmp.yml")}, config.Options{}); err != nil {
			t.Error(err)
		}
		checked++
	}
	if checked == 0 {
		t.Error("the README shows no configuration")
	}
}

// TestCommandsOfTheReadme runs every command of the README against a switch or, for SNMPv3, snmpd. Where
// it is followed by its equivalent of Net-SNMP, both print the same, or snmptrapd receives the same of both.
func TestCommandsOfTheReadme(t *testing.T) {
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
	for _, block := range blocks(readme(t), "sh") {
		for _, paragraph := range strings.Split(strings.TrimSpace(block), "\n\n") {
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

// The rules of the README are as Prometheus has them, and as the receivers of its configuration can be told.
func TestRulesOfTheReadme(t *testing.T) {
	promtool := peers.Require(t, "promtool", "prometheus")
	checked := 0
	for _, block := range blocks(readme(t), "yaml") {
		if !strings.HasPrefix(block, "# rules of Prometheus") {
			continue
		}
		text := "groups:\n- name: readme\n  rules:\n" + strings.ReplaceAll("\n"+block, "\n", "\n  ")
		file := filepath.Join(t.TempDir(), "rules.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		var rules []struct{ Annotations map[string]string }
		if err := yaml.Unmarshal([]byte(block), &rules); err != nil {
			t.Fatal(err)
		}
		c := notify.RuleChecker{Names: func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }, Receivers: []notify.ReceiverSettings{{Name: "nms-3", Tags: []string{"network"}}}}
		for _, rule := range rules {
			if mistakes, warnings := c.Check(rule.Annotations); len(mistakes)+len(warnings) > 0 {
				t.Errorf("%q %q", mistakes, warnings)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("the README shows no rule")
	}
}

const createMonitor = "createUser monitor SHA " + peers.AuthPassphrase + " AES " + peers.PrivPassphrase

var (
	sends  = regexp.MustCompile(`^snmp(trap|inform) `)
	source = regexp.MustCompile(` src=\S+ \S+`)
)

// notified runs a line of the README that sends a notification, and gives what snmptrapd receives.
func notified(t *testing.T, d *peers.Snmptrapd, binary string, addresses *strings.Replacer, line string) string {
	t.Helper()
	before := len(told(d))
	output(t, binary, addresses, line)
	d.Await(t, func() bool { return len(told(d)) > before })
	return source.ReplaceAllString(told(d)[before], "")
}

// output runs a line of the README with its example addresses replaced.
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
