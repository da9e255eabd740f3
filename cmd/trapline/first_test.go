package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline"
	"trapline/internal/runtimeconfig"
)

// Of rules that ship with the program and have no data their number is logged; of one's own each is, once.
func TestRulesWithoutData(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, trapline.Rules); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "snmp.yml")
	for name, text := range map[string]string{
		file:                          "targets: [{address: 192.0.2.1, modules: [system]}]\nrule_files: [rules/*.yml, own.yml]\n",
		filepath.Join(dir, "own.yml"): "groups: [{name: own, rules: [{alert: A, expr: nothing > 1}]}]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reported := map[string]bool{}
	for round, want := range []int{1, 0} {
		w, err := runtimeconfig.Load([]string{file}, false, "")
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		w.Warn(slog.New(slog.NewTextHandler(&log, nil)), reported)
		text := log.String()
		if n := strings.Count(text, "level=WARN"); n != want || strings.Count(text, "level=INFO") != 1 || !strings.Contains(text, "shipped rules without data") {
			t.Errorf("load %d logs %d warnings, want %d:\n%s", round, n, want, text)
		}
	}
}

// Empty values that need one are reported, and so are files that would be ignored.
func TestNothingPassesInSilence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty.yml": "", "comment.yml": "# nothing\n", "good.yml": "targets: [192.0.2.1]\n", "two.yml": "targets:\n- {}\n- {address: a, nme: b}\n",
		"wide.yml": "t\x00a\x00r\x00g\x00e\x00t\x00s\x00:\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args, want string
		status     int
	}{
		{"check empty.yml", "empty.yml: nothing to poll: write at least targets: [ADDRESS]\n1 error in the configuration\n", 1},
		{"check two.yml", "2 errors in the configuration\n", 1},
		{"check wide.yml", "wide.yml:1: this file is UTF-16: save it as UTF-8\n", 1},
		{"check good.yml --config.file=two.yml", "files are named as arguments and by --config.file: name all of them in one way\n", 2},
		{"rules test empty.yml", "empty.yml: no tests: write them under tests\n", 1},
		{"rules test comment.yml", "comment.yml: no tests: write them under tests\n", 1},
		{"rules check empty.yml", "empty.yml:1: warning: no groups: write the rules under groups, each group with a name\n0 rules: 0 errors, 1 warning\n", 0},
		{"generate empty.yml", "empty.yml: no modules: write at least one", 1},
		{"generate comment.yml", "comment.yml: no modules: write at least one", 1},
	} {
		if r := runIn(t, dir, strings.Fields(test.args)...); r.status != test.status || !strings.Contains(r.out+r.errs, test.want) {
			t.Errorf("%s: %+v, want status %d and %s", test.args, r, test.status, test.want)
		}
	}
}

// Thresholds are found by file and line.
func TestFindingsOfThresholdsHaveTheirPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte("targets: [{address: 192.0.2.1, modules: [system]}]\nthresholds:\n- {name: A, metric: sysUpTime, below: 1}\n- {name: B, metric: nothing, above: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := runtimeconfig.Load([]string{file}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	findings, err := w.Findings()
	if err != nil || len(findings) != 1 || findings[0].String() != file+":4: warning: B: no module yields nothing" {
		t.Errorf("findings are %v, %v", findings, err)
	}
}
