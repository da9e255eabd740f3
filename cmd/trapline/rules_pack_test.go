package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/rules"
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
	if err := printUnitTests(&out, runUnitTests(packFiles(t, "tests/*.yml"), unitTestOptions(mibFlags{dirs: new([]string), modules: new([]string)}))); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestEveryFileOfThePackHasATest(t *testing.T) {
	for _, file := range packFiles(t, "*.yml") {
		packFiles(t, filepath.Join("tests", filepath.Base(file)))
	}
}

// What the pack looks at comes of the modules that Trapline has: those of snmp.yml and those of the profiles.
func TestEveryMetricAndLabelOfThePackExists(t *testing.T) {
	w, err := load([]string{"../../snmp.yml"}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	world, err := w.forRules()
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
