package rules

import (
	"os"
	"strings"
	"testing"

	"trapline/internal/programtest"
	"trapline/internal/rules/unittest"
)

// oneOfTwo has a test that passes and one that fails.
const oneOfTwo = `tests:
- name: right
  input_series: [{series: x, values: 1}]
  promql_expr_test: [{expr: x, eval_time: 0m, exp_samples: [{labels: x, value: 1}]}]
- name: wrong
  input_series: [{series: x, values: 1}]
  promql_expr_test: [{expr: x, eval_time: 0m, exp_samples: [{labels: x, value: 2}]}]
`

func TestResultsOfUnitTests(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"tests.yml": oneOfTwo, "unread.yml": "test: []\n"})
	suites := RunUnitTests([]string{path("tests.yml"), path("unread.yml")}, unittest.Options{})
	var out strings.Builder
	err := PrintUnitTests(&out, suites)
	want := path("tests.yml") + ":7: wrong: x at 0s:\n    want:\n    ! {__name__=\"x\"} 2\n    got:\n    ! {__name__=\"x\"} 1\n" +
		path("unread.yml") + ":1: field test not found\n"
	if err == nil || err.Error() != "2 of 3 tests failed" || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
	if err := writeJUnit(path("report.xml"), suites); err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(path("report.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`tests.yml" tests="2" failures="1" errors="0">`, `<testcase name="right"></testcase>`, `<testcase name="wrong">`, "<failure>", `unread.yml" tests="0" failures="0" errors="1">`, "<error>",
	} {
		if !strings.Contains(string(report), want) {
			t.Errorf("%s\nis without %s", report, want)
		}
	}
}

// A test of rules that there are not is none that passes.
func TestUnitTestsWithoutTheirRules(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"tests.yml": "rule_files: [gone.yml]\n" + oneOfTwo})
	var out strings.Builder
	err := PrintUnitTests(&out, RunUnitTests([]string{path("tests.yml")}, unittest.Options{}))
	if want := path("tests.yml") + ": rule_files: no file matches " + path("gone.yml") + "\n"; err == nil || out.String() != want {
		t.Errorf("%v: %q, want %q", err, out.String(), want)
	}
}

func TestUnitTestsThatAreChosen(t *testing.T) {
	path := programtest.InDir(t, map[string]string{"tests.yml": oneOfTwo})
	run, err := anyOf([]string{"^ri", "x|y"})
	if err != nil {
		t.Fatal(err)
	}
	suites := RunUnitTests([]string{path("tests.yml")}, unittest.Options{Run: run})
	if err := PrintUnitTests(&strings.Builder{}, suites); err != nil || suites[0].Tests != 1 {
		t.Error(suites, err)
	}
	if run, err := anyOf(nil); run != nil || err != nil {
		t.Error(run, err)
	}
	if _, err := anyOf([]string{"a", "("}); err == nil {
		t.Error("an expression without an end is taken")
	}
}
