// Package peers starts the programs that tests talk to: agents, receivers and Prometheus, each in a
// directory and on ports of its own, and stops them when the test ends.
package peers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Require finds a program. Without it the test fails where CI or TRAPLINE_PEERS=require says that
// nothing may be left out, and is skipped elsewhere; both name the Debian package that has it.
func Require(t testing.TB, program, debianPackage string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/bin") {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	if os.Getenv("CI") != "" || os.Getenv("TRAPLINE_PEERS") == "require" {
		t.Fatalf("%s is not installed: the Debian package %s has it", program, debianPackage)
	}
	t.Skipf("SKIPPED: %s is not installed: the Debian package %s has it", program, debianPackage)
	return ""
}

// Process is a running peer.
type Process struct {
	command *exec.Cmd
	output  *tail
	ended   chan struct{}
}

// Start runs a program until the test ends or Stop is called.
func Start(t testing.TB, env []string, path string, args ...string) *Process {
	t.Helper()
	p := &Process{command: exec.Command(path, args...), output: &tail{}, ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), env...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.Stop)
	return p
}

// Stop ends the program and waits for its end.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the program as a crash would.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// PID is the program's process.
func (p *Process) PID() int { return p.command.Process.Pid }

const patience = 30 * time.Second

func (p *Process) end(signal os.Signal) {
	_ = p.command.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// Output gives the last of what the program printed.
func (p *Process) Output() string { return p.output.String() }

// lines gives the lines of Output that have come to their end: what is printed may arrive in parts.
func (p *Process) lines() []string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	text := p.output.text.String()
	return strings.Split(text[:strings.LastIndexByte(text, '\n')+1], "\n")
}

// Await asks ready, again and again, until it says yes; the test fails when the program ends first, or
// takes longer than three minutes.
func (p *Process) Await(t testing.TB, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("%s ended:\n%s", p.command.Path, p.Output())
		case <-ctx.Done():
			t.Fatalf("%s is not ready:\n%s", p.command.Path, p.Output())
		}
	}
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const tailSize = 1 << 20

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > tailSize {
		l.text.Next(tailSize / 2)
	}
	return l.text.Write(b)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.text.String())
}
