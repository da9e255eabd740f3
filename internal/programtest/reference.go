package programtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/doctest"
)

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

// WantReference compares a document of docs/reference with the text that is made of the source.
func WantReference(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(Root(t), "docs/reference", name)
	doctest.Compare(t, file, []byte(text), nil)
}

// Cell returns a text as it is written in a cell of a Markdown table.
func Cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
