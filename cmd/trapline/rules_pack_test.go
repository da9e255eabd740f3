package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	rulescmd "trapline/cmd/trapline/rules"
	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/rules"
	"trapline/internal/rules/unittest"
	"trapline/internal/runtimeconfig"
	"trapline/internal/series"
)

// packFiles lists the files of the pack of rules, or those of its tests.
func packFiles(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../rules", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return files
}

// builtInOptions have names looked for in the built-in MIBs.
func builtInOptions() unittest.Options {
	return rulescmd.UnitTestOptions(cli.MIBFlags{Dirs: new([]string), Modules: new([]string)})
}

// The pack and its tests are Prometheus' own files: its promtool takes them, and so does ours.
func TestThePackOfRulesByPromtoolAndByOurs(t *testing.T) {
	promtool := peers.Require(t, "promtool", "prometheus")
	for _, args := range [][]string{
		append([]string{"check", "rules"}, packFiles(t, "*.yml")...),
		append([]string{"test", "rules"}, packFiles(t, "tests/*.yml")...),
	} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	var out strings.Builder
	if err := rulescmd.PrintUnitTests(&out, rulescmd.RunUnitTests(packFiles(t, "tests/*.yml"), builtInOptions())); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestEveryFileOfThePackHasATest(t *testing.T) {
	for _, file := range packFiles(t, "*.yml") {
		packFiles(t, filepath.Join("tests", filepath.Base(file)))
	}
}

// The metrics of the pack are those of the modules that Trapline has: those of snmp.yml and those of the profiles.
func TestEveryMetricAndLabelOfThePackExists(t *testing.T) {
	w, err := runtimeconfig.Load([]string{"../../snmp.yml"}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	world, err := w.ForRules()
	if err != nil {
		t.Fatal(err)
	}
	set, mistakes := rules.Load(packFiles(t, "*.yml"))
	for _, m := range mistakes {
		t.Error(m)
	}
	for _, f := range set.Lint(&world) {
		t.Error(f)
	}
	delete(world.Metrics, "ifOperStatus")
	if found := set.Lint(&world); len(found) == 0 {
		t.Error("a metric that is not there is not missed")
	}
}

// Each series that a pass brings is one that its module is said to yield.
func TestModulesYieldWhatPassesBring(t *testing.T) {
	w, err := runtimeconfig.Load([]string{"../../snmp.yml"}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	devices := programtest.StartDevices(t, "127.0.37.1:0", agent.Faults{}, agent.Switch48(1), agent.Builtin["ups"](1))
	samples := 0
	for i := range 2 {
		target := openTarget(t, devices.Addr(i).String(), "public", 2)
		for name, m := range w.Catalog.Modules {
			y := runtimeconfig.OutputMetrics{}
			y.Add(m)
			for _, c := range m.Collect(t.Context(), target, collector.Options{}).Set.Columns {
				known, ok := y[c.Desc.Name]
				for row := range c.Values {
					for _, labels := range [][]byte{c.Table.Row(c.RowOf(row)), c.ExtraOf(row)} {
						for label := range series.Labels(labels) {
							ok = ok && slices.Contains(known, label)
						}
					}
					samples++
				}
				if !ok {
					t.Errorf("module %s is not said to yield %s as it is", name, c.Desc.Name)
				}
			}
		}
	}
	if samples < 1000 {
		t.Errorf("only %d samples", samples)
	}
}

// Each reason why a target is not polled has one alert of the pack, but for passes that were given up; and only
// those that say that nobody answered say that the device is down.
func TestEachReasonHasOneAlertOfThePack(t *testing.T) {
	source, err := os.ReadFile("../../internal/access/error.go")
	if err != nil {
		t.Fatal(err)
	}
	set, mistakes := rules.Load([]string{"../../rules/device.yml"})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	silent := []access.Reason{access.Timeout, access.Refused, access.Unreachable}
	reasons := 0
	for _, found := range regexp.MustCompile(`Reason = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		reason := access.Reason(found[1])
		if e := (&access.Error{Reason: reason}); !e.TargetFailed() {
			continue
		}
		reasons++
		var alerts []string
		for _, r := range set.Rules() {
			parser.Inspect(r.Expr, func(n parser.Node, _ []parser.Node) error {
				if vs, ok := n.(*parser.VectorSelector); ok && vs.Name == "trapline_target_error" && vs.LabelMatchers[0].Matches(string(reason)) {
					alerts = append(alerts, r.Alert)
				}
				return nil
			})
		}
		down := slices.Contains(alerts, "DeviceDown")
		if len(alerts) != 1 && reason != access.Canceled || len(alerts) > 0 && reason == access.Canceled || down != slices.Contains(silent, reason) {
			t.Errorf("%s: %v", reason, alerts)
		}
	}
	if reasons < 10 {
		t.Errorf("only %d reasons", reasons)
	}
}
