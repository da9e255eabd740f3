package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// damagedSuffix is appended to the name of an unreadable segment, which stays for inspection. There are at most
// maxDamaged of them.
const (
	damagedSuffix = ".damaged"
	maxDamaged    = 4
)

// putAside renames an unreadable segment. An empty one is removed.
func (j *Journal) putAside(path string, size int64) error {
	if size == 0 {
		return os.Remove(path)
	}
	return j.moveAside(path)
}

// moveAside renames what has the name of a segment and is none, and removes the oldest files beyond maxDamaged.
// Directories stay: nothing of the journal is in them.
func (j *Journal) moveAside(path string) error {
	if err := os.Rename(path, path+damagedSuffix); err != nil {
		return err
	}
	j.options.Logger.Error("nothing of a segment of the journal can be read, and it is put aside", "of", path, "moved_to", path+damagedSuffix)
	files, err := filepath.Glob(filepath.Join(j.options.Dir, "*"+damagedSuffix))
	files = slices.DeleteFunc(files, isDirectory)
	slices.Sort(files) // which are named by their first entries
	for len(files) > maxDamaged {
		err = errors.Join(err, os.Remove(files[0]))
		files = files[1:]
	}
	return err
}

func isDirectory(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
