package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// screen is a terminal in which a program runs.
type screen struct {
	t       *testing.T
	tty     *os.File
	changed chan struct{}

	mu       sync.Mutex
	emulator *vt.Emulator
}

// startScreen runs a program in a terminal, on which a line stands already.
func startScreen(t *testing.T, c *exec.Cmd, width, height int) *screen {
	t.Helper()
	s := &screen{t: t, emulator: vt.NewEmulator(width, height), changed: make(chan struct{}, 1)}
	_, _ = s.emulator.WriteString("what was there before\r\n")
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)})
	if err != nil {
		t.Fatal(err)
	}
	s.tty = tty
	go func() { _, _ = io.Copy(tty, s.emulator) }() // answers to queries of the program
	go func() { _, _ = io.Copy(writerFunc(s.show), tty) }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = tty.Close()
		_ = s.emulator.InputPipe().(io.Closer).Close() // Close races with Read
	})
	return s
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (s *screen) show(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.emulator.Write(b)
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return n, err
}

// text returns the text of the screen, and whether it is the alternate one.
func (s *screen) text() (text string, alternate bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emulator.String(), s.emulator.IsAltScreen()
}

// await waits until the screen is as wanted.
func (s *screen) await(wanted func(text string, alternate bool) bool) string {
	s.t.Helper()
	patience := time.After(time.Minute)
	for {
		text, alternate := s.text()
		if wanted(text, alternate) {
			return text
		}
		select {
		case <-s.changed:
		case <-patience:
			s.t.Fatalf("the screen is (alternate: %v)\n%s", alternate, text)
		}
	}
}

// awaitText waits until all of the texts stand on the alternate screen.
func (s *screen) awaitText(texts ...string) string {
	s.t.Helper()
	return s.await(func(text string, alternate bool) bool {
		for _, want := range texts {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return alternate
	})
}

func (s *screen) send(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) resize(width, height int) {
	s.t.Helper()
	s.mu.Lock()
	s.emulator.Resize(width, height)
	s.mu.Unlock()
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
		s.t.Fatal(err)
	}
}
