package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/peers"
)

// Every command takes --no-input, as its own examples show it.
func TestNoInputIsOfEveryCommand(t *testing.T) {
	program, _ := newProgram()
	app := program.App
	for _, c := range leafCommands(app.Model().Commands) {
		for _, line := range examples[c.FullCommand] {
			parsed, _ := newProgram()
			parsed.App.Terminate(nil).UsageWriter(io.Discard).ErrorWriter(io.Discard)
			if !parsed.MayAsk() {
				t.Fatal("nothing is asked without the flag")
			}
			if _, err := parsed.App.Parse(append([]string{"--no-input"}, cli.SpelledOut(wordsOf(line))...)); err == nil && parsed.MayAsk() {
				t.Errorf("%s --no-input may ask", line)
			}
			if _, err := parsed.App.ParseContext(append([]string{"--no-input"}, cli.SpelledOut(wordsOf(line))...)); err != nil {
				t.Errorf("%s --no-input: %v", line, err)
			}
		}
	}
}

// The server of TRAPLINE_URL is asked for a test, as that of --url.
func TestNotifyTestHeedsTheEnvironment(t *testing.T) {
	t.Parallel()
	closed := "http://" + peers.FreeTCPAddress(t)
	c := exec.Command(program(t), "notify", "test", "--to=nms-1")
	c.Dir, c.Env = t.TempDir(), append(os.Environ(), "TRAPLINE_URL="+closed)
	out, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != cli.ExitNoServer || !strings.HasPrefix(string(out), "no server at "+closed) {
		t.Errorf("%v: %s", err, out)
	}
}
