// Package corpus finds the files that tests read. Each corpus exists twice, in the same form: a small one of our own
// making, which lies in this directory, and a large one of third parties (recordings of real devices, MIB files of
// vendors), which is no part of the project and which a clone may lack.
//
//	conformance  recordings, and the output of snmp_exporter for them
//	mibs         MIB files, the output of Net-SNMP for them, and modules that snmp_exporter's generator made of them
//	devices      more recordings; only the large one exists
package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Variable names the directory of the large corpora. Without it they are looked for in ../shared beside the checkout;
// "none" says that they are left out on purpose.
const Variable = "TRAPLINE_CORPORA"

// reportVariable is the environment variable of a file that collects the tests that are left out, a line each; `make
// test` prints it.
const reportVariable = "TRAPLINE_LEFT_OUT"

// Each runs the test with the directory of our own corpus, and with that of the large one.
func Each(t *testing.T, name string, test func(t *testing.T, dir string)) {
	t.Helper()
	t.Run("own", func(t *testing.T) { test(t, Own(t, name)) })
	t.Run("large", func(t *testing.T) { test(t, Large(t, name)) })
}

// Own returns the directory of a corpus of our own making.
func Own(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(Root, "internal", "corpus", name)
	if !exists(dir) {
		t.Fatalf("no such corpus: %s", dir)
	}
	return dir
}

// Large returns the directory of a corpus of third parties. Where it is missing, the test is skipped and reported at
// the end of `make test`; under CI it fails, unless the corpora are left out on purpose.
func Large(t testing.TB, name string) string {
	t.Helper()
	dir, why := find(name)
	switch {
	case why == "":
	case os.Getenv("CI") != "" && os.Getenv(Variable) != "none":
		t.Fatalf("%s; %s=none leaves the large corpora out", why, Variable)
	default:
		leaveOut(t.Name(), name)
		t.Skipf("SKIPPED: %s", why)
	}
	return dir
}

// Addition returns the path of a file of a large corpus that a test can do without, and whether it exists. The
// parameter what describes the part of the test that needs it.
func Addition(name, file, what string) (path string, ok bool) {
	dir, why := find(name)
	if path = filepath.Join(dir, file); why != "" || !exists(path) {
		leaveOut(what, name)
		return "", false
	}
	return path, true
}

// find returns the directory of a large corpus, or why there is none.
func find(name string) (dir, why string) {
	switch base := os.Getenv(Variable); base {
	case "none":
		return "", "the large corpora are left out"
	case "":
		dir = filepath.Join(Root, "..", "shared", name)
	default:
		dir = filepath.Join(base, name)
	}
	if !exists(dir) {
		return "", fmt.Sprintf("the corpus %s is missing: no directory %s", name, dir)
	}
	return dir, ""
}

// leaveOut adds a line to the report. Appended lines of several processes stay whole.
func leaveOut(what, name string) {
	file := os.Getenv(reportVariable)
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\t%s\n", name, what)
}

// Root is the directory of the module: that of the package under test, in which `go test` starts it, or one above.
var Root = func() string {
	dir, err := os.Getwd()
	for err == nil && !exists(filepath.Join(dir, "go.mod")) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}()

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
