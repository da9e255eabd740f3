package unittest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"trapline/internal/snmp"
	"trapline/mibs"
)

const portRules = `groups:
- name: g
  interval: 30s
  rules:
  - alert: Down
    expr: ifOperStatus == 2
    labels: {severity: major}
    annotations: {summary: 'down', trap_notification: IF-MIB::linkDown}
  - {alert: Hot, expr: temperature > 40, annotations: {summary: hot}}
  - {alert: Many, expr: count(ifOperStatus == 2) > 1, annotations: {summary: many}}
  - {alert: Silent, expr: trapline_target_up == 0, annotations: {summary: silent}}
`

// builtIn are the built-in MIBs.
var builtIn = sync.OnceValues(func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) })

// runTraps runs a test with input series and expectations, which stand in a document behind it.
func runTraps(t *testing.T, series, traps string) (failures []error) {
	t.Helper()
	dir := t.TempDir()
	text := "rule_files: [rules.yml]\nevaluation_interval: 30s\ntests:\n- name: x\n  input_series:\n" + series + "\n---\ntests:\n- name: x\n  exp_traps:\n" + traps + "\n"
	for name, text := range map[string]string{"rules.yml": portRules, "test.yml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	results, err := Run(filepath.Join(dir, "test.yml"), Options{Names: builtIn, Line: func(v snmp.VarBind) string { return v.Name.String() }})
	if err != nil {
		return []error{err}
	}
	for _, r := range results {
		failures = append(failures, r.Failures...)
	}
	return failures
}

func TestTrapsOfAlerts(t *testing.T) {
	const port = `  - {series: 'ifOperStatus{target="a", ifIndex="7"}', values: %q}` + "\n"
	for _, test := range []struct{ name, series, traps string }{
		{"raise and clear, once each", fmt.Sprintf(port, "1 2x5 1x5 2 1"), `
  - {eval_time: 29s}
  - {eval_time: 30s, traps: [{kind: raise, alertname: Down, notification: linkDown, varbinds: 'ifOperStatus.7 = down'}]}
  - {eval_time: 200s, traps: [{kind: raise, alertname: Down}]}
  - {eval_time: 210s, alertname: Down, traps: [{kind: raise}, {kind: clear, notification: IF-MIB::linkUp}]}
  - {eval_time: 10m, alertname: Down, traps: [{kind: raise}, {kind: clear}, {kind: raise}, {kind: clear}]}`},
		{"what the pass brings of the notification's OBJECTS", fmt.Sprintf(port, "2 1") + `  - {series: 'ifAdminStatus{target="a", ifIndex="7"}', values: '1 2'}`, `
  - eval_time: 30s
    traps:
    - {kind: raise, alertname: Down, varbinds: "ifIndex.7 = 7\nifAdminStatus.7 = up\nifOperStatus.7 = down"}
    - {kind: clear, alertname: Down, varbinds: "ifAdminStatus.7 = down\nifOperStatus.7 = up"}`},
		{"a device that does not answer keeps its alarms", fmt.Sprintf(port, "2 2 _ _ _ 2 1") +
			`  - {series: 'temperature{target="a"}', values: '50 50 _ _ _ 50 50'}`, `
  - {eval_time: 2m, alertname: Down, traps: [{kind: raise}]}
  - {eval_time: 1m, alertname: Silent, traps: [{kind: raise}]}
  - {eval_time: 150s, alertname: Silent, traps: [{kind: raise}, {kind: clear}]}
  - {eval_time: 10m, alertname: Hot, traps: [{kind: raise, notification: DISMAN-EVENT-MIB::mteTriggerRising}]}
  - {eval_time: 10m, alertname: Down, traps: [{kind: raise}, {kind: clear}]}`},
		{"nor does one whose trapline_target_up is 0", fmt.Sprintf(port, "2 1 1 1") + `  - {series: 'trapline_target_up{target="a"}', values: '1 0 0 1'}`, `
  - {eval_time: 1m, alertname: Down, traps: [{kind: raise}]}
  - {eval_time: 90s, alertname: Down, traps: [{kind: raise}, {kind: clear}]}`},
		{"a row that is gone", fmt.Sprintf(port, "2 2 _ _") + `  - {series: 'temperature{target="a"}', values: '1 1 1 1'}`, `
  - {eval_time: 1m, traps: [{kind: raise, alertname: Down}, {kind: clear, alertname: Down}]}`},
		{"a row that is stale", fmt.Sprintf(port, "2 2 stale") + `  - {series: 'temperature{target="a"}', values: '1 1 1 1'}`, `
  - {eval_time: 1m, traps: [{kind: raise, alertname: Down}, {kind: clear, alertname: Down}]}`},
		{"rules about several devices", fmt.Sprintf(port, "2 2 2") + `  - {series: 'ifOperStatus{target="b", ifIndex="1"}', values: '1 2 2'}`, `
  - {eval_time: 0s, traps: [{kind: raise, alertname: Down}]}
  - {eval_time: 1m, alertname: Many, traps: [{kind: raise}]}`},
	} {
		for _, err := range runTraps(t, test.series, test.traps) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestTrapsThatAreNotAsExpected(t *testing.T) {
	const port = `  - {series: 'ifOperStatus{target="a", ifIndex="7"}', values: '2 2'}`
	for _, test := range []struct{ traps, want string }{
		{`  - {eval_time: 0s}`, "exp_traps at 0s:\n    want: nothing\n    got:\n    - raise Down IF-MIB::linkDown"},
		{`  - {eval_time: 0s, traps: [{kind: clear, alertname: Down}]}`, "want:\n    - clear Down\n    got:\n    - raise Down"},
		{`  - {eval_time: 0s, traps: [{kind: raise, alertname: Up}]}`, "want:\n    - raise Up\n    got:\n    - raise Down"},
		{`  - {eval_time: 0s, traps: [{kind: raise, alertname: Down, notification: coldStart}]}`, "- raise Down coldStart\n"},
		{`  - {eval_time: 0s, alertname: Down, traps: [{kind: raise, varbinds: ifOperStatus.7 = up}]}`, "- raise Down\n        ifOperStatus.7 = up\n    got:\n    - raise Down IF-MIB::linkDown\n        1.3.6.1.2.1.2.2.1.1.7\n"},
		{`  - {eval_time: 0s, alertname: Down, traps: [{kind: raise, varbinds: ifOperStatus.8 = down}]}`, "ifOperStatus.8 = down"},
		{`  - {eval_time: 30s, alertname: Down, traps: [{kind: raise}, {kind: clear}]}`, "- clear Down\n    got:"},
		{`  - {eval_time: 0s, alertname: Down, traps: [{kind: raise, notification: none}]}`, `no module defines "none"`},
		{`  - {eval_time: 0s, alertname: Down, traps: [{kind: raise, varbinds: x}]}`, `"x" is no variable binding`},
		{`  - {eval_time: 0s, alertname: Down, traps: [{kind: raise, varbinds: ifOperStatus.7 = x}]}`, `"x" is no value of ifOperStatus`},
		{`  - {eval_time: 0s, varbinds: []}`, "field varbinds not found"},
		{"  - {eval_time: 0s}\n- name: y", `the first document has no test "y"`},
	} {
		failures := runTraps(t, port, test.traps)
		if len(failures) != 1 || !strings.Contains(failures[0].Error(), test.want) {
			t.Errorf("%s:\n%v\nwant %s", test.traps, failures, test.want)
		}
	}
	want := `the series ifOperStatus{ifIndex="7"} has no label target: each poll is of one target`
	if failures := runTraps(t, `  - {series: 'ifOperStatus{ifIndex="7"}', values: '2 2'}`, `  - {eval_time: 0s}`); len(failures) != 1 || !strings.HasSuffix(failures[0].Error(), want) {
		t.Error(failures)
	}
}
