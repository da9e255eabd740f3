package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/rules/unittest"
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
	if err := printUnitTests(&out, runUnitTests(packFiles(t, "tests/*.yml"), unittest.Options{})); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestEveryFileOfThePackHasATest(t *testing.T) {
	for _, file := range packFiles(t, "*.yml") {
		packFiles(t, filepath.Join("tests", filepath.Base(file)))
	}
}
