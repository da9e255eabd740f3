package rules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The first lines of each file below testdata/wrong are the expected problems.
func TestEachProblemHasItsLine(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for line := range strings.Lines(string(text)) {
			if line, ok := strings.CutPrefix(line, "# want: "); ok {
				want = append(want, filepath.Dir(file)+"/"+strings.TrimSpace(line))
			}
		}
		_, problems := Load([]string{file})
		for _, m := range problems {
			got = append(got, m.Error())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", file, got, want)
		}
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	_, problems := Load([]string{"testdata/none.yml"})
	if len(problems) != 1 || problems[0].Error() != "testdata/none.yml: cannot be read: no such file or directory" {
		t.Errorf("%v", problems)
	}
}

func parse(t testing.TB, text string) *Set {
	t.Helper()
	groups, problems, _ := Parse("rules.yml", []byte(text))
	for _, m := range problems {
		t.Error(m)
	}
	return NewSet(groups)
}

// A rule keeps its UID when its expression changes, and when others of other names come and go.
func TestUIDs(t *testing.T) {
	for _, test := range []struct{ name, rules, want string }{
		{"one", `[{alert: A, expr: a > 1}]`, "g/A"},
		{"another expression", `[{alert: B, expr: b}, {alert: A, expr: a > 2, for: 1m}]`, "g/B g/A"},
		{"two of one name", `[{alert: A, expr: a > 1, labels: {severity: minor}}, {alert: A, expr: a > 2, labels: {severity: major}}]`,
			`g/A{severity="minor"} g/A{severity="major"}`},
		{"two that are equal", `[{alert: A, expr: a > 1}, {alert: A, expr: a < 0}]`, "g/A{} g/A{}#2"},
	} {
		var got []string
		for _, r := range parse(t, `groups: [{name: g, rules: `+test.rules+`}]`).Rules() {
			got = append(got, r.UID)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %s", test.name, got, test.want)
		}
	}
}

func TestRulesHaveTheLabelsOfTheirGroup(t *testing.T) {
	r := parse(t, `groups: [{name: g, labels: {team: net, severity: minor}, rules: [{alert: A, expr: a, labels: {severity: major}}]}]`).Rules()[0]
	if len(r.Labels) != 2 || r.Labels["team"] != "net" || r.Labels["severity"] != "major" {
		t.Errorf("%v", r.Labels)
	}
}

// Files that Prometheus accepts have no problems. Likely errors are warnings, and a rule that cannot be evaluated
// affects no other one.
func TestWhatPrometheusTakesStopsNothing(t *testing.T) {
	files, err := filepath.Glob("testdata/doubtful/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.Lines(string(text)) {
			if line, ok := strings.CutPrefix(line, "# want: "); ok {
				want = append(want, filepath.Dir(file)+"/"+strings.TrimSpace(line))
			}
		}
		set, problems := Load([]string{file})
		for _, m := range problems {
			t.Errorf("%s: %v", file, m)
		}
		var got []string
		for _, f := range set.Lint(&Environment{}) {
			if f.Level == LevelError {
				t.Errorf("%s: %v", file, f)
			}
			if f.Level == LevelWarning && !strings.Contains(f.Text, "no label target") {
				got = append(got, f.String())
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", file, got, want)
		}
		r := start(t, hot)
		r.set = NewSet(append(set.Groups, r.set.Groups...))
		r.configure()
		r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
		r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
		if sent := r.take(); strings.Count(sent, "raise Hot ") != 2 {
			t.Errorf("%s: sent %q", file, sent)
		}
		if unhealthy := r.e.unhealthy(); (unhealthy > 0) != strings.HasSuffix(file, "expressions.yml") {
			t.Errorf("%s: %v rules are unhealthy", file, unhealthy)
		}
		r.kill()
	}
}
