package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// fakeGo compiles 20 packages in no time, or fails.
const fakeGo = `#!/bin/sh
case $1 in
list) seq 20 | sed s/.*/x/ ;;
build)
	for i in $(seq 20); do echo example.net/package$i >&2; done
	test -z "$BROKEN" || { echo '# example.net/package20' >&2; echo 'x.go:1: does not compile' >&2; exit 1; }
	printf '#!/bin/sh\necho "runs $1"\n' > trapline
	chmod +x trapline
esac
`

// make run shows at once that it is alive, and how far it is: on a terminal in one line that moves.
func TestMakeRunShowsHowFarItIs(t *testing.T) {
	dir := t.TempDir()
	script, err := os.ReadFile("../../scripts/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"scripts/run.sh": string(script), "bin/go": fakeGo} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := func(broken string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), args[0], args[1:]...)
		c.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "BROKEN="+broken)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	program := filepath.Join(dir, "scripts/run.sh")
	const first = "Building Trapline (first time 2-4 minutes, then 1 s)\n"

	out, err := run("", program, "-trimpath")
	if want := first + "compiling 2 of 20\ncompiling 4 of 20\n"; err != nil || !strings.HasPrefix(out, want) || strings.Count(out, "compiling") != 10 || !strings.HasSuffix(out, "runs demo\n") {
		t.Errorf("without a terminal: %v\n%s", err, out)
	}
	out, err = run("yes", program)
	if err == nil || !strings.Contains(out, "x.go:1: does not compile\n") || strings.Contains(out, "runs") {
		t.Errorf("a build that fails: %v\n%s", err, out)
	}
	out, err = run("", peers.Require(t, "script", "bsdutils"), "-qec", program, "/dev/null")
	out = strings.ReplaceAll(out, "\r\n", "\n")
	if err != nil || !strings.HasPrefix(out, first+"\rcompiling 1 of 20 \rcompiling 2 of 20 ") || strings.Count(out, "\n") != 2 || !strings.HasSuffix(out, "runs demo\n") {
		t.Errorf("on a terminal: %v\n%q", err, out)
	}
}
