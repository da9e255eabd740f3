package programtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var UpdateReference = flag.Bool("update", false, "write docs/reference anew")

// Root is the directory of the module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			err = os.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal(err)
	return ""
}

// WantReference compares a document with what it is made of.
func WantReference(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(Root(t), "docs/reference", name)
	if *UpdateReference {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != text {
		t.Errorf("docs/reference/%s is not up to date (%v): run make docs", name, err)
	}
}

func Cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
