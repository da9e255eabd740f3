// Package peers starts the programs with which tests communicate: agents, receivers and Prometheus,
// each in its own directory and on its own ports, and stops them at the end of the test.
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

// Require returns the path of a program. If it is missing the test fails when CI or
// TRAPLINE_PEERS=require is set, and is skipped otherwise; both messages name the Debian package.
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

// Stop terminates the program and waits for it.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill kills the program to simulate a crash.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// PID returns the process ID of the program.
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

// Output returns the end of the program's output.
func (p *Process) Output() string { return p.output.String() }

// lines returns the complete lines of Output.
func (p *Process) lines() []string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	text := p.output.text.String()
	return strings.Split(text[:strings.LastIndexByte(text, '\n')+1], "\n")
}

// Await polls ready until it returns true; the test fails if the program exits first, or after
// three minutes.
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

// tail is a writer that keeps the end of its input.
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
