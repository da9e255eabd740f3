package statedir

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A database that is missing or empty is no first start where there is an engine: it is reported and counted.
func TestADatabaseThatVanishedIsReported(t *testing.T) {
	for name, vanish := range map[string]func(file string) error{
		"missing": os.Remove,
		"empty":   func(file string) error { return os.Truncate(file, 0) },
		"there":   func(string) error { return nil },
	} {
		dir := t.TempDir()
		for pass := range 2 {
			s, err := Open(dir, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if want := pass == 1 && name != "there"; (s.Lost != nil) != want || s.Damaged() > 0 != want {
				t.Errorf("%s, start %d: lost %v, %d damaged", name, pass, s.Lost, s.Damaged())
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := vanish(filepath.Join(dir, DatabaseFile)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
