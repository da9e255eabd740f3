package discovery

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	l := (&CSV{Paths: []string{filepath.Join(dir, "*.csv")}}).open(slog.New(slog.DiscardHandler))
	now := time.Now()
	look := func() ([]part, error) {
		now = now.Add(time.Minute)
		return l.Look(now)
	}
	parts, err := look()
	if err != nil || len(parts) != 2 || len(parts[0].Entries) != 2 || !strings.Contains(parts[0].Entries[1].Get("__trapline_error__"), "no address") {
		t.Fatalf("%v, %v", parts, err)
	}
	got, err := new(job).target(parts[0].Entries[0])
	if err != nil || got.Name != "core-1" || got.Auth != "secure" || len(got.Modules) != 2 || got.Retries == nil || *got.Retries != 2 || got.Labels["site"] != "berlin" || got.Interval.Seconds() != 30 {
		t.Errorf("%+v, %v", got, err)
	}
	write("a.csv", "\xff\xfe")
	_, _ = look() // at a file that may be in the making
	if parts, err = look(); err == nil || len(parts) != 1 || !strings.HasSuffix(parts[0].File, "b.csv") {
		t.Errorf("%v, %v", parts, err)
	}
	if err := os.Remove(filepath.Join(dir, "a.csv")); err != nil {
		t.Fatal(err)
	}
	_, _ = look()
	if parts, err = look(); err != nil || len(parts) != 2 || len(parts[1].Entries) != 0 {
		t.Errorf("%v, %v", parts, err)
	}
}
