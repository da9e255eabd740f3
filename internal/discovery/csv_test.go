package discovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// Rows are targets with their keys and labels; a file that cannot be read keeps its targets, one that is gone has none.
func TestCSV(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.csv", "name;address;auth;modules;interval;retries;site\ncore-1;192.0.2.1;secure;if_mib system;30s;2;berlin\nbad;;;;;;\n")
	write("b.csv", "address\n192.0.2.2\n")
	l := &fileLists{patterns: []string{filepath.Join(dir, "*.csv")}, every: time.Minute, read: readRows, stay: true, known: map[string]*listFile{}}
	now := time.Now()
	look := func() ([]*targetgroup.Group, error) {
		now = now.Add(time.Minute)
		return l.look(now)
	}
	groups, err := look()
	if err != nil || len(groups) != 2 || len(groups[0].Targets) != 2 || !strings.Contains(string(groups[0].Targets[1]["__trapline_error__"]), "no address") {
		t.Fatalf("%v, %v", groups, err)
	}
	got, err := new(job).target(merged(groups[0].Targets[0], groups[0].Labels))
	if err != nil || got.Name != "core-1" || got.Auth != "secure" || len(got.Modules) != 2 || got.Retries == nil || *got.Retries != 2 || got.Labels["site"] != "berlin" || got.Interval.Seconds() != 30 {
		t.Errorf("%+v, %v", got, err)
	}
	write("a.csv", "\xff\xfe")
	_, _ = look() // at a file that may be in the making
	if groups, err = look(); err == nil || len(groups) != 1 || !strings.HasSuffix(groups[0].Source, "b.csv") {
		t.Errorf("%v, %v", groups, err)
	}
	if err := os.Remove(filepath.Join(dir, "a.csv")); err != nil {
		t.Fatal(err)
	}
	_, _ = look()
	if groups, err = look(); err != nil || len(groups) != 2 || len(groups[1].Targets) != 0 {
		t.Errorf("%v, %v", groups, err)
	}
}
