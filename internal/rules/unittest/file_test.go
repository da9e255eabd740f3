package unittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakesInTestFiles(t *testing.T) {
	for text, want := range map[string]string{
		"tests:\n- {nam: x}\n- {intervall: 1m}":         "t.yml:2: field nam not found\nt.yml:3: field intervall not found",
		"tests:\n- {interval: x}":                       `t.yml: not a valid duration string: "x"`,
		"tests: [":                                      "t.yml:1: did not find expected node content",
		"tests:\n- {start_timestamp: noon}":             `t.yml: start_timestamp "noon": write seconds since 1970, or a time such as 2026-01-31T12:00:00Z`,
		"group_eval_order: [a, b, a]":                   `t.yml: group_eval_order has "a" twice`,
		"tests: []\n---\ntests: [{name: x}]":            `t.yml:3: the first document has no test "x"`,
		"tests: [{alert_rule_test: [{eval_time: 1m}]}]": "t.yml:1: unnamed#0: the alert_rule_test in line 1 has no alertname",
	} {
		file := filepath.Join(t.TempDir(), "t.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		results, err := Run(file, Options{})
		if err == nil && len(results) > 0 && len(results[0].Failures) > 0 {
			err = results[0].Failures[0]
		}
		if err == nil || strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", "") != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
