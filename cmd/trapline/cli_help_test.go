package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/programtest"
)

// Every command has examples, which it takes, and they come first in its help.
func TestHelpBeginsWithExamples(t *testing.T) {
	program, _ := newProgram()
	app := program.App
	for _, c := range leafCommands(app.Model().Commands) {
		if c.FullCommand == "help" || c.Hidden {
			continue
		}
		lines := examples[c.FullCommand]
		if len(lines) == 0 {
			t.Errorf("%s has no examples", c.FullCommand)
		}
		for _, line := range lines {
			words := wordsOf(line)
			parsed, _ := newProgram()
			parsed.App.Terminate(nil).UsageWriter(io.Discard).ErrorWriter(io.Discard)
			context, err := parsed.App.ParseContext(words)
			if err != nil || context.SelectedCommand == nil || context.SelectedCommand.FullCommand() != c.FullCommand {
				t.Errorf("%s: the example %q is not of it: %v", c.FullCommand, line, err)
			}
		}
	}
	got := invoke(t, "walk", "--help")
	before, after, found := strings.Cut(got.out, "\nExamples:\n  trapline walk core-1 ifTable\n")
	if got.status != 0 || !found || strings.Contains(before, "Flags:") || !strings.Contains(after, "\nUsage:\n  trapline walk ") || !strings.Contains(after, "\nFlags:\n") {
		t.Errorf("%+v", got)
	}
	for _, c := range leafCommands(app.Model().Commands) {
		if c.FullCommand == "help" {
			continue
		}
		if got := invoke(t, append(strings.Fields(c.FullCommand), "--help")...); got.status != 0 || strings.ContainsAny(got.out, "\u201c\u201d") {
			t.Errorf("%s --help: status %d, or quotation marks that nobody typed:\n%s", c.FullCommand, got.status, got.out)
		}
	}
}

// wordsOf takes a line apart as a shell does, up to a redirection or a pipe.
func wordsOf(line string) (words []string) {
	for _, word := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		if word == ">" || word == "|" {
			break
		}
		words = append(words, strings.Trim(word, `'"`))
	}
	return words
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, errs string }{
		{"tragets", "no command \"tragets\"; did you mean targets?\n"},
		{"targest", "no command \"targest\"; did you mean targets?\n"},
		{"rules chekc", "no command \"rules chekc\"; did you mean check?\n"},
		{"targets --donw", "targets list has no flag --donw; did you mean --down?\nTry \"trapline targets list --help\".\n"},
		{"walk", "required argument 'target' not provided\nTry \"trapline walk --help\".\n"},
		{"targets --limit=x", "--limit: \"x\" is not a whole number: write one of 0 or more\nTry \"trapline targets list --help\".\n"},
		{"targets --url=ftp://x", "--url: write one such as http://localhost:9116 or https://USER:PASSWORD@HOST\n"},
		{"targets --http.config.file=no.yml", "--http.config.file: open no.yml: no such file or directory\n"},
		{"completion tcsh", "shell: enum value must be one of bash,fish,zsh, got 'tcsh'\nTry \"trapline completion --help\".\n"},
		{"get 127.0.65.1 ifDscr", "ANY did you mean ifDescr?"},
	} {
		got := invoke(t, strings.Fields(c.args)...)
		want, part := strings.CutPrefix(c.errs, "ANY ")
		if got.status != cli.ExitUsage || got.out != "" || part && !strings.Contains(got.errs, want) || !part && got.errs != want {
			t.Errorf("trapline %s: %+v; want %s", c.args, got, c.errs)
		}
	}
}

// The manual page has every command, and nothing in it is taken for a request of troff.
func TestManualPage(t *testing.T) {
	t.Parallel()
	page := invoke(t, "man").out
	path, err := exec.LookPath("groff")
	if err != nil {
		t.Fatalf("%v: scripts/peers.sh installs it", err)
	}
	c := exec.Command(path, "-man", "-Tutf8", "-ww")
	c.Stdin = strings.NewReader(page)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("groff: %v: %s", err, errs.String())
	}
	for _, want := range []string{"EXIT STATUS", "receivers retry", "trapline walk core-1 ifTable", "TRAPLINE_URL"} {
		if !strings.Contains(plainText(string(out)), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}

// plainText leaves out how a terminal is to show a text.
func plainText(text string) string {
	return regexp.MustCompile(`\x1b\[[0-9;]*m|.\x08`).ReplaceAllString(text, "")
}

// Long work shows how far it has come on a terminal, and not while results go there.
func TestProgressOfLongWork(t *testing.T) {
	t.Parallel()
	devices := programtest.StartDevices(t, "127.0.65.24:0", agent.Faults{Latency: 100_000_000}, agent.Builtin["switch"](1))
	results, err := os.Create(filepath.Join(t.TempDir(), "results"))
	if err != nil {
		t.Fatal(err)
	}
	defer results.Close()
	c := exec.Command(program(t), "walk", devices.Addr(0).String(), "1.3.6.1.2.1", "--repetitions=1")
	c.Stdout = results
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	c.Stderr = terminal
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	s := &shellSession{t: t, tty: keyboard, output: make(chan []byte, 100)}
	go s.read()
	s.await(`objects \(`)
	// Ctrl-C ends it, without a word about contexts.
	s.seen.Reset()
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if status := c.ProcessState.ExitCode(); status != cli.ExitInterrupted {
		t.Errorf("Ctrl-C ends with %d", status)
	}
	if rest := s.rest(); strings.Contains(rest, "context") {
		t.Errorf("%q", rest)
	}
}
