package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each error in `inhibit_rules` has its line and what to write.
func TestCausesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"inhibit_rules: [{source_matchrs: ['a=\"b\"'], target_matchers: ['a=\"c\"']}]":      `unknown key "source_matchrs" in inhibit_rules[0]: did you mean source_matchers?`,
		"inhibit_rules: [{target_matchers: ['a=\"c\"']}]":                                   "an inhibit rule needs source_matchers",
		"inhibit_rules: [{source_matchers: ['a=\"c\"']}]":                                   "an inhibit rule needs target_matchers",
		"inhibit_rules: [{source_matchers: ['a'], target_matchers: ['a=\"c\"']}]":           `inhibit_rules[0].source_matchers[0]: matchers "a"`,
		"inhibit_rules: [{source_match: {a: b}, target_match_re: {a: '['}}]":                "inhibit_rules[0].target_match_re.a: error parsing regexp",
		"inhibit_rules: [{source_matchers: ['a=\"b\"'], target_matchers: ['a=~\"[\"']}]":    "inhibit_rules[0].target_matchers[0]",
		"inhibit_rules: [{source_matchers: 'a=\"b\"', target_matchers: ['a=\"c\"']}]":       "inhibit_rules[0].source_matchers: ",
		"inhibit_rules: [{source_matchers: ['a=\"b\"'], target_matchers: [], equals: [a]}]": "did you mean equal?",
		"topology: {root: [192.0.2.1]}":                                                     `unknown key "root" in topology: did you mean roots?`,
		"topology: {roots: [192.0.2.2]}":                                                    `topology.roots[0]: there is no target "192.0.2.2": did you mean 192.0.2.1?`,
		"topology: {down: ['x']}":                                                           `topology.down[0]: matchers "x"`,
		"topology: {hold: fast}":                                                            "topology.hold: ",
	} {
		file := filepath.Join(t.TempDir(), "snmp.yml")
		if err := os.WriteFile(file, []byte("targets: [192.0.2.1]\n\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{file}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "snmp.yml:3: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestParentsAreTargets(t *testing.T) {
	for text, want := range map[string]string{
		"{name: a, address: 192.0.2.1, parents: [cor-1]}": `targets[1].parents[0]: there is no target "cor-1": did you mean core-1?`,
		"{name: a, address: 192.0.2.1, parents: [a]}":     "targets[1].parents[0]: a target is no parent of itself",
		"{name: a, address: 192.0.2.1, parent: [core-1]}": "did you mean parents?",
	} {
		file := filepath.Join(t.TempDir(), "snmp.yml")
		if err := os.WriteFile(file, []byte("targets:\n- {name: core-1, address: 192.0.2.9}\n- "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load([]string{file}, Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "snmp.yml:3: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A name of an alarm that is nearly that of a rule is probably misspelled; any other may come from outside.
func TestInhibitRulesNameAlarms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp.yml")
	text := `targets: [192.0.2.1]
thresholds: [{name: Busy, metric: "HOST-RESOURCES-MIB::hrProcessorLoad", above: 90, severity: minor}]
inhibit_rules: [{source_match: {alertname: Bsy}, target_match: {alertname: FromOutside}}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{file}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, `snmp.yml:3: inhibit_rules[0]: no rule has the alertname "Bsy": did you mean Busy?`) || strings.Contains(got, "FromOutside") {
		t.Error(got)
	}
}

// Settings that have no effect without others are named, with what to write.
func TestSettingsWithoutEffect(t *testing.T) {
	const receives = "listen: {addresses: [':1162'], auths: [public_v2]}\n"
	const rule = "trap_rules: [{alert: Down, on: IF-MIB::linkDown, expires: 1h}]\n"
	for text, want := range map[string]string{
		rule:            "trap_rules: nothing is received without listen: write listen:",
		receives + rule: "",
		"receivers: [{name: a, address: 192.0.2.9, forward: {traps: ['*']}}]\n":                                                                   "receivers[0].forward: nothing is received without listen",
		"receivers: [{name: a, address: 192.0.2.9, unless_acknowledged: true}]\n":                                                                 "receivers[0].unless_acknowledged: without a delay",
		"receivers: [{name: a, address: 192.0.2.9, unless_acknowledged: true, delay: 15m}]\n":                                                     "",
		receives + rule + "targets: [{name: b, address: 192.0.2.2, parents: [192.0.2.1]}, 192.0.2.1]\n":                                           "targets[0].parents: no rule raises DeviceDown",
		receives + rule + "topology: {down: ['alertname=\"Dwn\"']}\ntargets: [{name: b, address: 192.0.2.2, parents: [192.0.2.1]}, 192.0.2.1]\n":  "no rule raises Dwn, which topology.down names: did you mean Down?",
		receives + rule + "topology: {down: ['alertname=\"Down\"']}\ntargets: [{name: b, address: 192.0.2.2, parents: [192.0.2.1]}, 192.0.2.1]\n": "",
		"targets: [{name: b, address: 192.0.2.2, parents: [192.0.2.1]}, 192.0.2.1]\n":                                                             "",
	} {
		file := filepath.Join(t.TempDir(), "snmp.yml")
		if !strings.Contains(text, "targets:") {
			text += "targets: [192.0.2.1]\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load([]string{file}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
