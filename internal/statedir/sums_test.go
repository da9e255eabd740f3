package statedir

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever happened to a file between two processes is logged, and nothing else is.
func TestChangedFilesAreSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	start(t, dir, nil)
	if err := os.MkdirAll(filepath.Join(dir, "rules", "wal"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"engine.state", "rules/wal/00000001", "rules/wal/00000002"} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte{byte(i)}, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, dir, nil)
	for _, name := range []string{"snmp.yml", "engine-800000000474776f", "other/file"} { // of others
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "other"), 0o700), os.WriteFile(filepath.Join(dir, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		start(t, dir, nil)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if log := logOf(t, dir); log != "" {
		t.Errorf("nothing has changed, and logged is\n%s", log)
	}
	for i, name := range []string{"engine", "engine.state", "rules/wal/00000001", "trapline.db", "checksums", "rules/wal/00000002"} {
		for range 10 {
			file := filepath.Join(dir, name)
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			damaged := damages(random, whole)
			if bytes.Equal(damaged, whole) {
				continue
			}
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if log := logOf(t, dir); !strings.Contains(log, fmt.Sprintf("of=%s ", file)) || !strings.Contains(log, "level=ERROR") {
				t.Errorf("%d: %s has changed, and logged is\n%s", i, name, log)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "rules/wal/00000001")); err != nil {
		t.Fatal(err)
	}
	if log := logOf(t, dir); !strings.Contains(log, "rules/wal/00000001: no such file or directory") {
		t.Errorf("a file is gone, and logged is\n%s", log)
	}
}

// logOf returns the log of a process that starts in dir and stops.
func logOf(t *testing.T, dir string) string {
	t.Helper()
	s, err := Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	s.LogDamage(slog.New(slog.NewTextHandler(&text, nil)))
	if s.Lost != nil {
		fmt.Fprintf(&text, "level=ERROR of=%s %v\n", filepath.Join(dir, DatabaseFile), s.Lost)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// A process that was killed has left nothing to compare with.
func TestNothingIsComparedAfterACrash(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	s, err := Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Close(); err != nil { // as the end of the process does
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "engine.state"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if log := logOf(t, dir); log != "" {
		t.Errorf("logged is\n%s", log)
	}
}
