package unittest

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// prometheus is where the source of Prometheus lies that this program is built with.
func prometheus(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// Promtool's own test files pass and fail as they do there. Those for feature flags fail: rules have none.
func TestPromtoolsOwnTests(t *testing.T) {
	dir := filepath.Join(prometheus(t), "cmd", "promtool", "testdata")
	for _, test := range []struct {
		file string
		run  string
		pass bool
	}{
		{file: "unittest.yml", pass: true},
		{file: "long-period.yml", pass: true},
		{file: "at-modifier-test.yml", pass: true},
		{file: "negative-offset-test.yml", pass: true},
		{file: "no-test-group-interval.yml", pass: true},
		{file: "start-time-test.yml", pass: true},
		{file: "rules_run_extrafields.yml", pass: true},
		{file: "rules_run.yml", run: "correct", pass: true},
		{file: "rules_run_fuzzy.yml", run: "correct", pass: true},
		{file: "bad-input-series.yml"},
		{file: "bad-promql.yml"},
		{file: "bad-rules-syntax-test.yml"},
		{file: "bad-rules-error-test.yml"},
		{file: "experimental-functions-test.yml"},
		{file: "failing.yml"},
		{file: "rules_run.yml"},
		{file: "rules_run.yml", run: "correct|wrong"},
		{file: "rules_run.yml", run: "wrong"},
		{file: "rules_run_no_fuzzy.yml"},
		{file: "rules_run_fuzzy.yml", run: "wrong"},
	} {
		t.Run(test.file+" "+test.run, func(t *testing.T) {
			results, err := Run(filepath.Join(dir, test.file), Options{Run: regexp.MustCompile(test.run), IgnoreUnknownFields: strings.Contains(test.file, "extrafields")})
			if err != nil || len(results) == 0 {
				t.Fatalf("%d results, %v", len(results), err)
			}
			var failures []error
			for _, r := range results {
				failures = append(failures, r.Failures...)
			}
			if test.pass != (len(failures) == 0) {
				t.Errorf("%q", failures)
			}
			for _, err := range failures {
				t.Log(err)
			}
		})
	}
}
