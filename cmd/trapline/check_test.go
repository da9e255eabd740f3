package main

import (
	"strings"
	"testing"

	"trapline/internal/programtest"
)

// A check ends with a sentence, and names the place and the remedy of each doubt.
func TestCheckIsForPeople(t *testing.T) {
	t.Parallel()
	path := programtest.InDir(t, map[string]string{"snmp.yml": `targets: [{address: 127.0.24.1, labels: {site: berlin}}]
state_dir: state
rule_files: [none/*.yml, rules.yml]
receivers:
- {name: a, address: 127.0.24.9, labels: {severity: critcal|page}}
- {name: b, address: 127.0.24.9, labels: {severity: magor}}
- {name: c, address: 127.0.24.9, min_severity: critical, labels: {stie: berlin, table: x, made: y}}
`, "rules.yml": `groups:
- name: g
  rules:
  - {alert: Down, expr: trapline_target_up == 0, labels: {severity: minro}}
  - {alert: Slow, expr: trapline_target_up == 0, labels: {severity: sev2}}
  - {alert: Odd, expr: trapline_target_up == 0, labels: {severity: indeterminate}}
  - {alert: Chosen, expr: trapline_target_up == 0, labels: {severity: '{{ if gt $value 0.5 }}major{{ else }}critical{{ end }}'}}
`, "member.yml": "cluster: {members: [127.0.24.1, 127.0.24.2, 127.0.24.3]}\ntargets: [127.0.24.9]\n", "few.yml": "groups: [{name: g, rules: [{alert: Down, expr: trapline_target_up == 0, labels: {severity: major}}]}]"})
	dir := strings.TrimSuffix(path(""), "/")
	for _, test := range []struct{ name, args, out, errs string }{
		{"doubts", "check", `snmp.yml:3: warning: rule_files[0]: no file matches none/*.yml (relative to DIR)
snmp.yml:6: warning: receivers[1].labels: no rule has a severity that "magor" matches: did you mean major?
warning: receiver "c": labels: no target, rule or metric has the label "stie": did you mean site?
rules.yml:4: warning: Down: the severity "minro" is unknown and is sent as indeterminate: did you mean minor?
rules.yml:5: warning: Slow: the severity "sev2" is unknown and is sent as indeterminate: use one of critical, major, minor, warning
The configuration has 1 target, 0 modules, 4 rules and 3 receivers: no errors, 5 warnings
`, ""},
		{"the name of a voter", "check --cluster.member=127.0.24.2 member.yml", `127.0.24.2, this machine, would poll as a member of the cluster, and vote
The configuration has 1 target, 0 modules, 0 rules and 0 receivers: no errors, 0 warnings
`, ""},
		{"the name of another member", "check --cluster.member=127.0.24.4 member.yml", `127.0.24.4, this machine, would poll as a member of the cluster, without a vote, which these have: 127.0.24.1, 127.0.24.2, 127.0.24.3
The configuration has 1 target, 0 modules, 0 rules and 0 receivers: no errors, 0 warnings
`, ""},
		{"a configuration among rules", "rules check snmp.yml", `snmp.yml:1: this is a configuration (it has targets), not a rule file: check it with "trapline check snmp.yml"
0 rules: 1 error, 0 warnings
`, "the rules have errors\n"},
	} {
		got := invokeIn(t, dir, strings.Fields(test.args)...)
		if strings.ReplaceAll(got.out, dir, "DIR") != test.out || got.errs != test.errs || (got.status == 0) != (test.errs == "") {
			t.Errorf("%s: status %d\n%s%s\nwant\n%s%s", test.name, got.status, got.out, got.errs, test.out, test.errs)
		}
	}
}
