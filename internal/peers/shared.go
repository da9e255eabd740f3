package peers

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// MIBs gives a directory of MIB files of many vendors: MIB_CORPUS, or the test data unpacked.
func MIBs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("MIB_CORPUS"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	archive := tar.NewReader(strings.NewReader(Gunzip(t, Shared(t, "mibs/corpus.tar.gz"))))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
