package discovery

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// looks is a list of files at which one looks, half a second after the other.
type looks struct {
	t   *testing.T
	dir string
	now time.Time
	*fileLists
}

func newLooks(t *testing.T, pattern string) *looks {
	dir := t.TempDir()
	l := &fileLists{patterns: []string{filepath.Join(dir, pattern)}, every: time.Hour, read: readGroups, known: map[string]*listFile{}}
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
	l.now = l.now.Add(lookTime)
	groups, err := l.look(l.now)
	for _, g := range groups {
		sources += fmt.Sprintf("%s=%d ", strings.TrimPrefix(g.Source, l.dir+"/"), len(g.Targets))
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
	l.write("a.yml", "- targets: [a, b, c]\n- targets: [d]\n")
	l.expect("a.yml=3 a.yml=1")
	l.expect("")
	l.write("a.yml", "- targets: [a, b") // and the writer goes on
	l.expect("")
	l.write("a.yml", "- targets: [a, b, c, x]\n")
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
	l.write("a.yml", "- targets: [a]\n") // replaced, in two steps
	l.expect("")
	l.expect("a.yml=1")
	l.write("a.yml", "- targets: {")
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
	l.write("good.json", `[{"targets":["a"]}]`)
	for _, err := range []error{
		syscall.Mkfifo(filepath.Join(l.dir, "pipe.json"), 0o600), os.Symlink("loop.json", filepath.Join(l.dir, "loop.json")),
		os.Mkdir(filepath.Join(l.dir, "dir.json"), 0o700), os.Symlink("/dev/zero", filepath.Join(l.dir, "zero.json")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	groups, err := l.look(l.now)
	if len(groups) != 1 || err == nil {
		t.Errorf("%v, %v", groups, err)
	}
	for _, name := range []string{"pipe", "loop", "dir", "zero"} {
		if err == nil || !strings.Contains(err.Error(), name+".json") {
			t.Errorf("%s.json: %.300v", name, err)
		}
	}
}

// Whatever a file of YAML blows up to is bounded as that of JSON.
func TestYAMLThatBlowsUp(t *testing.T) {
	bomb := "- targets: [a]\n  labels: &a {x: y}\n"
	for i := range 30 {
		bomb += fmt.Sprintf("- targets: [b]\n  labels: &%c {x: [*%c,*%c]}\n", 'b'+i, 'a'+i, 'a'+i)
	}
	for name, raw := range map[string][]byte{
		"bomb": []byte(bomb), "values": append([]byte("- targets: ["), bytes.Repeat([]byte("a,"), maxYAMLValues)...),
		"targets": append(append([]byte("- targets: ["), bytes.Repeat([]byte("a,"), maxTargets)...), "a]\n"...), "null": []byte("- null\n"),
	} {
		var groups []*targetgroup.Group
		var err error
		octets := allocated(func() { groups, err = decodeYAML(raw) })
		if err == nil || octets > 1<<30 {
			t.Errorf("%s: %d groups, %v, %d octets", name, len(groups), err, octets)
		}
	}
}

// Many files are read in one message, within the bound of a list.
func TestManyFiles(t *testing.T) {
	l := newLooks(t, "*.json")
	half := `[{"targets":["a"` + strings.Repeat(`,"b"`, maxTargets*2/3) + `]}]`
	for i := range 4 {
		l.write(fmt.Sprintf("%d.json", i), half)
	}
	if groups, err := l.look(l.now); len(groups) != 2 || err == nil {
		t.Errorf("%d groups, %v", len(groups), err)
	}
}
