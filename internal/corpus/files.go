package corpus

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Text returns the content of a file, which may be compressed: with .gz behind its name.
func Text(t testing.TB, path string) string {
	t.Helper()
	if !exists(path) && exists(path+".gz") {
		path += ".gz"
	}
	text, err := os.ReadFile(path)
	if err == nil && filepath.Ext(path) == ".gz" {
		text, err = Gunzip(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Gunzip returns the content of a gzip file.
func Gunzip(file []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// MIBs returns the directory of the MIB files of a corpus, unpacked where they are archived. Its directories are
// those of vendors; rfc has standard modules, which our own corpus takes from the built-in facts.
func MIBs(t testing.TB, dir string) string {
	t.Helper()
	files := t.TempDir()
	if own := filepath.Join(dir, "files"); exists(own) {
		WriteStandardMIBs(t, filepath.Join(files, "rfc"))
		if err := os.CopyFS(files, os.DirFS(own)); err != nil {
			t.Fatal(err)
		}
		return files
	}
	err := Walk(Text(t, filepath.Join(dir, "corpus.tar")), func(name string, content io.Reader) error {
		path := filepath.Join(files, filepath.Clean("/"+name))
		text, err := io.ReadAll(content)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Walk visits the files of a tar archive.
func Walk(archive string, visit func(name string, content io.Reader) error) error {
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			err = visit(h.Name, r)
		}
		if err != nil {
			return err
		}
	}
}
