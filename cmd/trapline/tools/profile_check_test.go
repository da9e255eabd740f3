package tools

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
)

const acmeProfile = `device_profiles:
  acme_switch: {sys_object_ids: [1.3.6.1.4.1.99999.1], extends: [any], modules: [acme_environment]}
modules:
  acme_environment:
    measures:
    - {metric: hw_temperature, object: 1.3.6.1.4.1.99999.1.2.1.3, unit: 0.1 Cel, name: 'Sensor {1}'}
    - {metric: hw_status, object: 1.3.6.1.4.1.99999.1.3.1.2, type: fan, name: 'Fan {1}', states: {ok: [1], failed: [2]}}
`

const acmeRecording = `1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.4.1.99999.1.2.1.3.1|2|415
1.3.6.1.4.1.99999.1.3.1.2.1|2|1
1.3.6.1.4.1.99999.1.9.1.2.1|2|7
`

// runProfile runs a subcommand of profile, and returns what it prints on standard output, and whether it failed.
func runProfile(t *testing.T, args ...string) (text string, err error) {
	t.Helper()
	program := &cli.Program{App: kingpin.New("trapline", ""), Commands: map[string]cli.Command{}}
	addProfile(program)
	command, err := program.App.Parse(append([]string{"profile"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	read := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r)
		read <- b.String()
	}()
	err = program.Commands[command](t.Context(), slog.New(slog.DiscardHandler))
	_ = w.Close()
	return <-read, err
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// What --write writes is what is measured: the next test finds no difference, until the profile or the expectation
// changes.
func TestMeasuresOfRecordings(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"switch.yml": acmeProfile, "testdata/sw.snmprec": acmeRecording})
	metrics := filepath.Join(dir, "testdata", "sw.metrics")
	step := func(name string, fails bool, want string, args ...string) {
		t.Helper()
		text, err := runProfile(t, append([]string{"test", dir}, args...)...)
		text = strings.ReplaceAll(text, dir, "DIR")
		if text != want || (err != nil) != fails {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, text, want)
		}
	}
	const status = `hw_status{hw_id="1.3.6.1.4.1.99999.1.3.1.2.1",hw_name="Fan 1",hw_type="fan"} 0`
	const temperature = `hw_temperature_celsius{hw_id="1.3.6.1.4.1.99999.1.2.1.3.1",hw_name="Sensor 1"} 41.5`
	step("no expectation", true, "DIR/testdata/sw.snmprec: 2 measures, and no file DIR/testdata/sw.metrics to compare with: --write writes it\n  + "+status+"\n  + "+temperature+"\n")
	if _, err := os.Stat(metrics); err == nil {
		t.Error("a file is written unasked")
	}
	step("write", false, "DIR/testdata/sw.snmprec: 2 measures written to DIR/testdata/sw.metrics\n  + "+status+"\n  + "+temperature+"\n", "--write")
	if text, err := os.ReadFile(metrics); err != nil || string(text) != status+"\n"+temperature+"\n" {
		t.Errorf("written is %q, %v", text, err)
	}
	step("the same", false, "DIR/testdata/sw.snmprec: 2 measures as expected\n")
	if text, err := runProfile(t, "test", "--coverage", dir); err != nil || !strings.HasSuffix(text, "  not read: 1.3.6.1.4.1.99999.1.9\n") || strings.Contains(text, "99999.1.2") {
		t.Errorf("coverage: %v\n%s", err, text)
	}
	writeFiles(t, dir, map[string]string{"switch.yml": strings.Replace(acmeProfile, "0.1 Cel", "Cel", 1)})
	step("another unit", true, "DIR/testdata/sw.snmprec: 2 measures, 1 difference\n  ~ "+strings.TrimSuffix(temperature, "41.5")+"415, expected 41.5\n  warning: "+strings.TrimSuffix(temperature, " 41.5")+" is 415: look at its unit\n")
}

// The built-in profiles measure of the recordings beside them what is expected.
func TestBuiltInProfilesMeasureWhatIsExpected(t *testing.T) {
	dirs, err := filepath.Glob("../../../profiles/*/testdata")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no recordings beside profiles: %v", err)
	}
	for _, dir := range dirs {
		if text, err := runProfile(t, "test", filepath.Dir(dir)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// A subtree of no MIB of which a module reads something is listed as one that it reads in part.
func TestCoverageOfPartsOfSubtrees(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"switch.yml": acmeProfile, "testdata/sw.snmprec": acmeRecording + "1.3.6.1.4.1.99999.1.3.1.9.1|2|7\n"})
	text, _ := runProfile(t, "test", "--coverage", dir)
	for _, want := range []string{"  not read: 1.3.6.1.4.1.99999.1.3, but for some objects\n", "  not read: 1.3.6.1.4.1.99999.1.9\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A broken recording is reported, and the others are tested.
func TestRecordingsBesideABrokenOne(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"switch.yml": acmeProfile, "testdata/a.snmprec": "nonsense\n", "testdata/b.snmprec": acmeRecording})
	text, err := runProfile(t, "test", dir)
	if err == nil || !strings.Contains(text, "a.snmprec") || !strings.Contains(text, "b.snmprec: 2 measures") {
		t.Errorf("%v\n%s", err, text)
	}
}

// A value that its metric cannot have is a warning: of a ratio above 1, the unit is missing.
func TestImplausibleMeasures(t *testing.T) {
	got := implausible([]string{`device_ratio{hw_id="A::a.1"} 22`, `system_cpu_utilization_ratio{hw_id="A::b.1",hw_name="x y"} 22`, `system_cpu_utilization_ratio{hw_id="A::b.2"} 23`,
		`hw_temperature_celsius{hw_id="A::c.1"} 415`, `hw_temperature_celsius{hw_id="A::d.1"} 41.5`, `hw_status{hw_id="A::e.0"} 2`})
	want := []string{`device_ratio{hw_id="A::a.1"} is 22: write unit: '%'`, `system_cpu_utilization_ratio{hw_id="A::b.1",hw_name="x y"} is 22: write unit: '%'`, `hw_temperature_celsius{hw_id="A::c.1"} is 415: look at its unit`}
	if !slices.Equal(got, want) {
		t.Errorf("warnings are %q", got)
	}
}

// A directory without profiles has the advice to draft one.
func TestDirectoryWithoutProfiles(t *testing.T) {
	if _, err := runProfile(t, "test", t.TempDir()); err == nil || !strings.Contains(err.Error(), "write one with trapline profile draft") {
		t.Errorf("error is %v", err)
	}
}
