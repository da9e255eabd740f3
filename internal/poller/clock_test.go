package poller

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWallClockMayBeSet runs the tests of jump_test.go with a standard library whose wall clock can be set:
// in the place of its time.go they have one with `var Jump`, in seconds.
func TestWallClockMayBeSet(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library")
	}
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Skip("without the source of the standard library: ", err)
	}
	const before = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(source), before) {
		t.Fatalf("%s does not have %q", file, before)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	// The clock of a bubble of testing/synctest gets the monotonic reading that it lacks.
	const after = "\tif mono == 0 {\n\t\tmono = sec*1e9 + int64(nsec)\n\t}\n\tsec += Jump\n"
	text := strings.Replace(string(source), before, "// Jump is how far the wall clock was set.\nvar Jump int64\n\n"+before+after, 1)
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: text, overlay: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("go", "test", "-count=1", "-vet=off", "-overlay", overlay, "-tags", "jump,gosnmp_nodebug", "-run", "^TestJumps", ".").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok") {
		t.Errorf("%v\n%s", err, out)
	}
}
