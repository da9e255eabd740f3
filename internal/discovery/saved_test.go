package discovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

// A saved list that is torn, of another form, or too large is an error, which takes little memory and restores nothing; one
// with keys that a later version has added is read.
func TestSavedListsThatAreDamaged(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	r.read(upTo(20))
	file := savedFile(dir, "inventory")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restored := func() (n int, err error) {
		l := &list{name: "inventory", sources: map[sourceKey][]labels.Labels{}, maker: r.list.maker}
		err = l.restore(dir)
		for _, targets := range l.sources {
			n += len(targets)
		}
		return n, err
	}
	for name, damage := range map[string]func() error{
		"torn":      func() error { return os.Truncate(file, int64(len(whole)/2)) },
		"empty":     func() error { return os.Truncate(file, 0) },
		"form":      func() error { return os.WriteFile(file, []byte(`{"sources":{"file":[]}}`), 0o600) },
		"large":     func() error { return os.Truncate(file, maxSaved+1) },
		"directory": func() error { return os.MkdirAll(filepath.Join(file, "x"), 0o700) },
	} {
		_ = os.RemoveAll(file)
		if name != "directory" {
			err = os.WriteFile(file, whole, 0o600)
		}
		if err != nil || damage() != nil {
			t.Fatal(name, err)
		}
		octets := allocated(func() {
			if n, err := restored(); err == nil || n > 0 {
				t.Errorf("%s: %d targets, %v", name, n, err)
			}
		})
		if octets > 16<<20 {
			t.Errorf("%s: %d octets are allocated", name, octets)
		}
	}
	_ = os.RemoveAll(file)
	newer := strings.Replace(string(whole), "{", `{"version":9,"shards":[1],`, 1)
	if err := os.WriteFile(file, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := restored(); n != 20 || err != nil {
		t.Errorf("of a later version: %d targets, %v", n, err)
	}
}
