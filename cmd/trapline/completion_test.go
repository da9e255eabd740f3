package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"trapline/internal/api"
)

// shellSession is a shell in a pseudo-terminal.
type shellSession struct {
	t      *testing.T
	tty    *os.File
	output chan []byte
	seen   bytes.Buffer
}

// startShell starts a shell that finds the program under test first.
func startShell(t *testing.T, dir string, env []string, shell string, args ...string) *shellSession {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Fatalf("%v: scripts/peers.sh installs it", err)
	}
	c := exec.Command(path, args...)
	c.Dir = dir
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TRAPLINE_") }),
		"PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"), "HOME="+dir, "TERM=dumb", "PS1=READY> ", "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	c.Env = append(c.Env, env...)
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	s := &shellSession{t: t, tty: tty, output: make(chan []byte, 100)}
	go s.read()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		_ = tty.Close()
	})
	return s
}

// read passes the output on until the terminal is closed.
func (s *shellSession) read() {
	defer close(s.output)
	for {
		b := make([]byte, 4096)
		n, err := s.tty.Read(b)
		if n > 0 {
			s.output <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

// rest returns the output until the terminal is closed.
func (s *shellSession) rest() string {
	for b := range s.output {
		s.seen.Write(b)
	}
	return s.seen.String()
}

// send types text.
func (s *shellSession) send(text string) {
	s.t.Helper()
	s.seen.Reset()
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.t.Fatal(err)
	}
}

// await reads until the output matches, and returns it.
func (s *shellSession) await(pattern string) string {
	s.t.Helper()
	r := regexp.MustCompile(pattern)
	patience := time.After(time.Minute)
	for !r.Match(s.seen.Bytes()) {
		select {
		case b, ok := <-s.output:
			if !ok {
				s.t.Fatalf("the terminal ended without %s:\n%s", pattern, s.seen.String())
			}
			s.seen.Write(bytes.ReplaceAll(b, []byte{7}, nil)) // a shell rings where there are several
		case <-patience:
			s.t.Fatalf("no %s in\n%q", pattern, s.seen.String())
		}
	}
	return s.seen.String()
}

// Shells complete commands, flags, and names of targets, auths and objects; the name of a target is never run.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	url := serveStub(t, stub{
		"GET /api/v1/targets":   api.TargetList{Matched: 2, Targets: []api.TargetSummary{{Name: "edge-berlin-1"}, {Name: "$(touch pwned)"}}},
		"GET /api/v1/receivers": []api.Receiver{{Name: "nms-paris"}},
	})
	for shell, args := range map[string][]string{"bash": {"--norc", "--noprofile", "-i"}, "zsh": {"-f", "-i"}, "fish": {"--no-config", "-i"}} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := "auths: {secure-lab: {community: x}}\nmodules: {m: {get: [1.3.6.1.2.1.1.3.0]}}\ntargets: [{name: core-tokyo-1, address: 127.0.65.99, auth: secure-lab, modules: [m]}]\n"
			if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			s := startShell(t, dir, []string{"TRAPLINE_URL=" + url}, shell, args...)
			setup := map[string]string{
				"bash": "source <(trapline completion bash)",
				"zsh":  "autoload -U compinit; compinit -u -D; source <(trapline completion zsh)",
				"fish": "trapline completion fish | source",
			}[shell]
			s.send(setup + "; echo SET''UP\r")
			s.await("SETUP")
			for _, c := range []struct{ typed, completed string }{
				{"trapline stat\t", `status`},
				{"trapline targets --do\t", `trapline targets --down`},
				{"trapline target edge-b\t", `edge-berlin-1`},
				{"trapline walk core-t\t", `core-tokyo-1`},
				{"trapline walk --auth secure-\t", `secure-lab`},
				{"trapline get core-tokyo-1 sysUpT\t", `sysUpTime`},
				{"trapline walk core-tokyo-1 IF-MIB::ifDes\t", `IF-MIB::ifDescr`},
				{"trapline receivers show nms-p\t", `nms-paris`},
				{"trapline alarms sh\t", `alarms show`},
				{"trapline completion fi\t", `completion fish`},
			} {
				s.send(c.typed)
				s.await(c.completed)
				s.send("\x15") // empties the line
			}
			s.send("trapline target \t\t")
			s.await(`edge-berlin-1|touch`)
			s.send("\x15")
			if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
				t.Error("the name of a target was run")
			}
		})
	}
}
