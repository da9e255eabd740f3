package setting

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MaxFile is how many octets a file that people write may have.
const MaxFile = 256 << 20

// ReadFile reads a file of at most so many octets. A named pipe is refused, as nobody may ever write to it, but
// for those that the shell makes.
func ReadFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeNamedPipe != 0 && !strings.HasPrefix(name, "/dev/") && !strings.HasPrefix(name, "/proc/") {
		return nil, fmt.Errorf("%s is a named pipe: write the path of a file", name)
	}
	large := fmt.Errorf("%s is larger than %d octets", name, most)
	if info.Mode().IsRegular() && info.Size() > most {
		return nil, large
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(b)) > most {
		return nil, large
	}
	return b, err
}

// NoDirectory returns the error of a path that is no directory, with its whole path, or "".
func NoDirectory(dir string) string {
	info, err := os.Stat(dir)
	switch whole := WholePath(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no directory " + whole
	case err != nil:
		return err.Error()
	case !info.IsDir():
		return whole + " is a file: write its directory"
	}
	return ""
}

// WholePath returns a path from the root, for messages.
func WholePath(name string) string {
	if path, err := filepath.Abs(name); err == nil {
		return path
	}
	return name // the directory of the process is gone
}
