package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var programDir string // of the tests of this process

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel {
		_ = flag.Set("test.parallel", "4") // they wait for programs most of the time
	}
	os.Exit(func() int {
		var err error
		if programDir, err = os.MkdirTemp("", "trapline"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(programDir)
		os.Setenv("STATE_DIRECTORY", filepath.Join(programDir, "state")) // of rules without a state_dir
		return m.Run()
	}())
}

var buildProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "trapline")
	if out, err := exec.Command("go", "build", "-tags", "gosnmp_nodebug", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// program is the path of the program, which the first test that runs it builds.
func program(t testing.TB) string {
	t.Helper()
	path, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
