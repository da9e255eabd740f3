package rules

import (
	"bytes"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"trapline/internal/programtest"
	"trapline/internal/runtimeconfig"
)

// rulesWorld is a configuration with rules, some of which are not meant so.
const rulesWorld = `auths: {public_v2: {version: 2}}
modules:
  ports: {walk: [IF-MIB::ifOperStatus, IF-MIB::ifInErrors]}
  ups: {walk: [UPS-MIB::upsBattery]}
rule_files: [rules.yml]
targets:
- {name: switch, address: 127.0.0.1, modules: [ports], labels: {site: berlin}}
- {name: ups, address: 127.0.0.1, modules: [ups], interval: 5m}
- {name: any, address: 127.0.0.1, modules: [auto], interval: 10m}
`

// A range of one pass is a warning: the rule is evaluated as Prometheus does.
func TestShortRangesStopNothing(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"snmp.yml": strings.Replace(rulesWorld, "interval: 5m", "interval: 60s", 1), "rules.yml": `groups:
- name: g
  limit: 5
  rules:
  - {alert: Busy, expr: 'changes(upsBatteryStatus[1m]) > 1'}
  - {alert: Tiers, expr: upsBatteryStatus > 1, labels: {severity: '{{ if gt $value 2.0 }}critical{{ else }}minor{{ end }}'}}
---
`})
	var log bytes.Buffer
	if err := runtimeconfig.Check([]string{path("snmp.yml")}, false, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"limit is ignored", "a second document starts here", "Busy: changes(upsBatteryStatus[1m]) yields nothing, as in Prometheus"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not among\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "level=ERROR") || strings.Contains(log.String(), "Tiers") {
		t.Errorf("logged\n%s", &log)
	}
}

// checkRules returns the findings in the rules of a configuration, each line without its directory.
func checkRules(t testing.TB, configuration, rules string) (lines []string, err error) {
	t.Helper()
	path := programtest.InDir(t, map[string]string{"snmp.yml": configuration, "rules.yml": rules})
	w, err := runtimeconfig.Load([]string{path("snmp.yml")}, false, "")
	if err != nil {
		return nil, err
	}
	world, err := w.ForRules()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = printFindings(&out, w.Config.Rules, nil, w.Config.Rules.Lint(&world))
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(out.String(), path("")+"/", "")), "\n"), err
}

func TestRulesAreCheckedByWhatTheConfigurationHas(t *testing.T) {
	lines, err := checkRules(t, rulesWorld, `groups:
- name: g
  rules:
  - {alert: Good, expr: 'ifOperStatus{site="berlin"} == 2'}
  - {alert: Typo, expr: ifOperState == 2}
  - {alert: Chosen, expr: hrProcessorLoad > 90}
  - {alert: Short, expr: 'rate(ifInErrors[30m]) > 1'}
  - {alert: Runtime, expr: 'changes(upsBatteryStatus[2m]) > 1', annotations: {trap_receivers: nms-1}}
`)
	want := []string{
		"rules.yml:5: warning: Typo: no module yields ifOperState",
		"rules.yml:7: warning: Short: rate(ifInErrors[30m]) yields nothing once a pass or two fail, for targets are polled each 10m: better a range of 40m or more",
		"rules.yml:8: warning: Runtime: changes(upsBatteryStatus[2m]) yields nothing, as in Prometheus: it needs two polls, and targets are polled each 10m: write a range of 40m or more",
		`rules.yml:8: error: Runtime: trap_receivers: there is no receiver "nms-1"`,
		"5 rules: 1 error, 3 warnings",
	}
	if err == nil || strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestRulesThatAreWellPassTheCheck(t *testing.T) {
	lines, err := checkRules(t, rulesWorld, `groups: [{name: g, rules: [{alert: Down, expr: trapline_target_up == 0}]}]`)
	if err != nil || len(lines) != 1 || lines[0] != "1 rule: 0 errors, 0 warnings" {
		t.Errorf("%q, %v", lines, err)
	}
}

// The check of a configuration is one of its rules too.
func TestCheckReportsRules(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"snmp.yml": rulesWorld, "rules.yml": `groups:
- name: g
  rules:
  - {alert: Typo, expr: ifOperState == 2}
  - {alert: Down, expr: ifOperStatus == 2, annotations: {trap_notification: IF-MIB::linkDwn}}
`})
	var log strings.Builder
	err := runtimeconfig.Check([]string{path("snmp.yml")}, false, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil || !strings.Contains(log.String(), "no module yields ifOperState") || !strings.Contains(log.String(), "did you mean linkDown?") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

// A rule is of a target if it refers to a metric of the target's modules.
func TestRulesOfATarget(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"snmp.yml": rulesWorld, "rules.yml": `groups:
- name: g
  rules:
  - {alert: Down, expr: trapline_target_up == 0}
  - {alert: Port, expr: ifOperStatus == 2}
  - {alert: Battery, expr: upsBatteryStatus == 3}
  - {alert: Load, expr: hrProcessorLoad > 90}
`})
	w, err := runtimeconfig.Load([]string{path("snmp.yml")}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{"switch": "Down Port", "ups": "Down Battery", "any": "Down Port Battery Load"} {
		metrics, err := w.MetricsOf(target)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range w.Config.Rules.Rules() {
			if r.LooksAt(metrics) {
				got = append(got, r.Alert)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", target, got, want)
		}
	}
	if _, err := w.MetricsOf("none"); err == nil || err.Error() != `the configuration has no target "none"` {
		t.Error(err)
	}
}

func TestRecordingsOfTargetsThatThereAreNot(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"snmp.yml": rulesWorld, "rules.yml": "groups: []"})
	w, err := runtimeconfig.Load([]string{path("snmp.yml")}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"other": `the configuration has no target "other"`, "ups": "there are no recordings (*.snmprec) in it"} {
		if err := os.Mkdir(path(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := playbacksOf(t.Context(), w, []string{path(name)}, 0); err == nil || err.Error() != path(name)+": "+want {
			t.Error(err)
		}
	}
}

func TestGlobsOfRuleFiles(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"a.yml": "", "b.yml": ""})
	want := []string{path("a.yml"), path("b.yml"), path("c.yml")}
	if got := runtimeconfig.Expanded([]string{path("*.yml"), path("c.yml")}); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
