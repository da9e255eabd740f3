package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder notes how a test that asks for a corpus ends.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestOfSomeone" }

func (r *recorder) Skipf(format string, args ...any) {
	r.end = "skipped: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.end = "failed: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// ask asks for a large corpus, and returns its directory or how the test ended.
func ask(t *testing.T, name string) string {
	r := &recorder{TB: t}
	done := make(chan string)
	go func() {
		dir := ""
		defer func() { done <- dir + r.end }()
		dir = Large(r, name)
	}()
	return <-done
}

func TestLargeCorporaAreFoundByOneVariable(t *testing.T) {
	base, report := t.TempDir(), filepath.Join(t.TempDir(), "report")
	if err := os.Mkdir(filepath.Join(base, "mibs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ variable, ci, corpus, want string }{
		{base, "", "mibs", filepath.Join(base, "mibs")},
		{base, "true", "mibs", filepath.Join(base, "mibs")},
		{base, "", "devices", "skipped: SKIPPED: the corpus devices is missing"},
		{base, "true", "devices", "failed: the corpus devices is missing"},
		{"none", "", "mibs", "skipped: SKIPPED: the large corpora are left out"},
		{"none", "true", "mibs", "skipped: SKIPPED: the large corpora are left out"},
	} {
		t.Setenv(Variable, test.variable)
		t.Setenv("CI", test.ci)
		t.Setenv(reportVariable, report)
		if got := ask(t, test.corpus); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s=%s CI=%s: %s is %q, want %q", Variable, test.variable, test.ci, test.corpus, got, test.want)
		}
	}
	reported, err := os.ReadFile(report)
	if want := "devices\tTestOfSomeone\nmibs\tTestOfSomeone\nmibs\tTestOfSomeone\n"; err != nil || string(reported) != want {
		t.Errorf("reported is %q, want %q (%v)", reported, want, err)
	}
}

// The data of a lone clone is small enough to be fetched with it, and has the same form as the large corpora.
func TestOwnCorporaAreSmall(t *testing.T) {
	total := int64(0)
	for _, name := range []string{"conformance", "mibs"} {
		err := filepath.WalkDir(Own(t, name), func(_ string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				info, _ := entry.Info()
				total += info.Size()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if total > 1_000_000 {
		t.Errorf("%d octets", total)
	}
}

// Every sample has its recording, and its module.
func TestSamplesHaveTheirRecordings(t *testing.T) {
	dir := Own(t, "conformance")
	samples, err := filepath.Glob(filepath.Join(dir, "samples", "*"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	modules := Text(t, filepath.Join(dir, "snmp_exporter.yml"))
	for _, file := range samples {
		device, module, _ := strings.Cut(filepath.Base(file), "@")
		if !exists(filepath.Join(dir, "recordings", device+".snmprec")) || !strings.Contains(modules, "\n  "+module+":\n") || Text(t, file) == "" {
			t.Errorf("%s has no recording, no module or no content", file)
		}
	}
}
