package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// damagedSuffix is behind the name of a segment of which nothing can be read. Such files are left to whoever wants to
// look into them; there are maxDamaged of them at most, of a segment each.
const (
	damagedSuffix = ".damaged"
	maxDamaged    = 4
)

// putAside renames a segment of which nothing can be read, and removes the oldest of those before it that are too many.
// One without content is removed: it was opened, and nothing was written to it.
func (j *Journal) putAside(path string, size int64) error {
	if size == 0 {
		return os.Remove(path)
	}
	if err := os.Rename(path, path+damagedSuffix); err != nil {
		return err
	}
	j.options.Logger.Error("nothing of a segment of the journal can be read, and it is put aside", "moved_to", path+damagedSuffix)
	files, err := filepath.Glob(filepath.Join(j.options.Dir, "*"+damagedSuffix))
	slices.Sort(files) // which are named by their first entries
	for len(files) > maxDamaged {
		err = errors.Join(err, os.Remove(files[0]))
		files = files[1:]
	}
	return err
}
