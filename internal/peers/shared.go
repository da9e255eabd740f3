package peers

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Shared finds test data of third parties, which lie beside the checkout in shared/ and are no part of
// it. Without them the test fails under CI, and is skipped elsewhere.
func Shared(t testing.TB, path string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(root, "go.mod")) && root != filepath.Dir(root) {
		root = filepath.Dir(root)
	}
	full := filepath.Join(root, "..", "shared", path)
	switch {
	case exists(full):
	case os.Getenv("CI") != "":
		t.Fatalf("the test data are not there: %s", full)
	default:
		t.Skipf("SKIPPED: the test data are not there: %s", full)
	}
	return full
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Gunzip gives the content of a file.
func Gunzip(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
