package filelist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/internal/setting"
)

// looks is a list of files at which one looks, half a second after the other.
type looks struct {
	t   *testing.T
	dir string
	now time.Time
	*Files[string]
}

// words reads a file whose words are entries, up to a point.
func words(file string) func() ([]string, error) {
	return func() ([]string, error) {
		text, err := setting.ReadFile(file, 1<<20)
		if err == nil && !strings.HasSuffix(string(text), ".\n") {
			err = errors.New("it does not end with a point")
		}
		return strings.Fields(string(text)), err
	}
}

func newLooks(t *testing.T, pattern string) *looks {
	dir := t.TempDir()
	l := &Files[string]{Patterns: []string{filepath.Join(dir, pattern)}, Every: time.Hour, Reader: words, Most: 1000, TooMany: errors.New("too many")}
	return &looks{t, dir, time.Now(), l}
}

func (l *looks) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// again looks once more, and returns the sources that changed with their numbers of targets.
func (l *looks) again() (sources string, err error) {
	l.now = l.now.Add(steadyTime)
	parts, err := l.Look(l.now)
	for _, p := range parts {
		sources += fmt.Sprintf("%s=%d ", strings.TrimPrefix(p.File, l.dir+"/"), len(p.Entries))
	}
	return sources, err
}

func (l *looks) expect(want string) {
	l.t.Helper()
	if got, err := l.again(); strings.TrimSpace(got) != want || err != nil {
		l.t.Errorf("a look gives %q, %v, want %q", got, err, want)
	}
}

func (l *looks) fails(want string) {
	l.t.Helper()
	if got, err := l.again(); got != "" || err == nil || !strings.Contains(err.Error(), want) {
		l.t.Errorf("a look gives %q, %v, want the error %q", got, err, want)
	}
}

// A file is read when it is whole: two looks see the same. What is being written, replaced, broken or out of reach takes
// no target away.
func TestFilesThatChange(t *testing.T) {
	l := newLooks(t, "*.yml")
	l.write("a.yml", "a b c.\n")
	l.expect("a.yml=3")
	l.expect("")
	l.write("a.yml", "a b") // and the writer goes on
	l.expect("")
	l.write("a.yml", "a b c x.\n")
	l.expect("")
	l.expect("a.yml=4")
	for range 5 {
		if got, err := l.again(); err != nil || got != "" && got != "a.yml=4 " { // which reads a young file twice
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := os.Remove(filepath.Join(l.dir, "a.yml")); err != nil {
		t.Fatal(err)
	}
	l.expect("")
	l.write("a.yml", "a.\n") // replaced, in two steps
	l.expect("")
	l.expect("a.yml=1")
	l.write("a.yml", "a {")
	_, _ = l.again()
	l.fails("a.yml")
	moved := l.dir + ".moved"
	if err := os.Rename(l.dir, moved); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		l.fails("no such file or directory")
	}
	if err := os.Rename(moved, l.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(l.dir, "a.yml")); err != nil {
		t.Fatal(err)
	}
	l.expect("")
	l.expect("a.yml=0")
}

// Pipes without a writer, loops of links, directories and devices without an end cost an error, and the others are read.
func TestFilesThatAreNone(t *testing.T) {
	l := newLooks(t, "*.json")
	l.write("good.json", "a.\n")
	for _, err := range []error{
		syscall.Mkfifo(filepath.Join(l.dir, "pipe.json"), 0o600), os.Symlink("loop.json", filepath.Join(l.dir, "loop.json")),
		os.Mkdir(filepath.Join(l.dir, "dir.json"), 0o700), os.Symlink("/dev/zero", filepath.Join(l.dir, "zero.json")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	parts, err := l.Look(l.now)
	if len(parts) != 1 || err == nil {
		t.Errorf("%v, %v", parts, err)
	}
	for _, name := range []string{"pipe", "loop", "dir", "zero"} {
		if err == nil || !strings.Contains(err.Error(), name+".json") {
			t.Errorf("%s.json: %.300v", name, err)
		}
	}
}

// Many files are read in one message, within the bound of a list.
func TestManyFiles(t *testing.T) {
	l := newLooks(t, "*.json")
	half := strings.Repeat("a ", 666) + ".\n"
	for i := range 4 {
		l.write(fmt.Sprintf("%d.json", i), half)
	}
	if parts, err := l.Look(l.now); len(parts) != 2 || err == nil {
		t.Errorf("%d groups, %v", len(parts), err)
	}
}

// A file that replaces another is read soon; one that is written in place is left until nobody writes.
func TestFilesThatReplaceOthers(t *testing.T) {
	l := newLooks(t, "*.yml")
	l.write("a.yml", "a.\n")
	l.expect("a.yml=1")
	l.write("new", "a b.\n")
	if err := os.Rename(filepath.Join(l.dir, "new"), filepath.Join(l.dir, "a.yml")); err != nil {
		t.Fatal(err)
	}
	looks := func(every time.Duration) (n int) {
		for n = 1; n < 100; n++ {
			l.now = l.now.Add(every)
			if parts, err := l.Look(l.now); err != nil {
				t.Fatal(err)
			} else if len(parts) > 0 {
				return n
			}
		}
		return n
	}
	const every = 50 * time.Millisecond
	if n := looks(every); n != 1+int(replacedTime/every) {
		t.Errorf("read at look %d", n)
	}
	l.now = l.now.Add(raceTime + steadyTime)
	_, _ = l.Look(l.now) // once more, for it was young
	l.write("a.yml", "a b c.\n")
	if n := looks(every); n != 1+int(steadyTime/every) {
		t.Errorf("written in place, read at look %d", n)
	}
}

// Of too many files the first are read, and an error says how many there are; a file that was read before stays, whichever
// others come.
func TestTooManyFiles(t *testing.T) {
	l := newLooks(t, "*.json")
	l.Most = 30
	for i := range 30 {
		l.write(fmt.Sprintf("m%02d.json", i), ".\n")
	}
	if parts, err := l.Look(l.now); len(parts) != 30 || err != nil {
		t.Fatalf("%d files, %v", len(parts), err)
	}
	for i := range 100 {
		l.write(fmt.Sprintf("a%02d.json", i), ".\n")
	}
	gone := 0
	for range 5 {
		l.now = l.now.Add(steadyTime)
		parts, err := l.Look(l.now)
		if err == nil || !strings.Contains(err.Error(), "130 files, of which 30 are read") {
			t.Errorf("%v", err)
		}
		for _, p := range parts {
			if len(p.Entries) == 0 {
				gone++
			}
		}
	}
	if gone > 0 || len(l.known) > 60 {
		t.Errorf("%d files are gone, %d are known", gone, len(l.known))
	}
}
