package setting

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file, pipe, large := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "large")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 3<<30); err != nil { // without a block on the disk
		t.Fatal(err)
	}
	for _, c := range []struct{ name, want string }{
		{pipe, "is a named pipe"}, {large, "is larger than 4 octets"}, {"/dev/zero", "is larger than 4 octets"}, {dir, "is a directory"}, {filepath.Join(dir, "none"), "no such file"},
	} {
		if b, err := ReadFile(c.name, 4); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want %s", c.name, b, err, c.want)
		}
	}
	if b, err := ReadFile(file, 4); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
}
