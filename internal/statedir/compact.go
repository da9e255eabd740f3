package statedir

import (
	"errors"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// compactSize is the size in octets from which on a database is compacted that is half empty. Its file never shrinks by
// itself: it has room for all notifications that ever waited at once.
var compactSize = int64(64 << 20)

// compactTransaction is how much a transaction of the compaction copies, in octets.
const compactTransaction = 1 << 20

// compact replaces a large database that is half empty by a copy without free pages. If there is no room for
// the copy, or the process dies, the database is as it was.
func (s *Dir) compact() error {
	var size, free int64
	if err := s.View(func(tx *bbolt.Tx) error {
		stats := s.db.Stats()
		size, free = tx.Size(), int64(stats.FreePageN+stats.PendingPageN)*int64(s.db.Info().PageSize)
		return nil
	}); err != nil || size < compactSize || free < size/2 {
		return err
	}
	file := filepath.Join(s.Path, DatabaseFile)
	temporary := file + ".compact"
	err := s.copyTo(temporary)
	if err == nil {
		err = os.Rename(temporary, file)
	}
	if err != nil {
		return removeIfThere(temporary) // the next start tries again
	}
	db, err := openDatabase(s.Path) // before the other one is closed: the directory is always locked
	if err != nil {
		return err
	}
	err = guarded(s.db.Close)
	s.db = db
	return errors.Join(err, syncDir(s.Path))
}

// copyTo writes all that the database has to a new file.
func (s *Dir) copyTo(file string) error {
	if err := removeIfThere(file); err != nil {
		return err
	}
	to, err := bbolt.Open(file, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = guarded(func() error { return bbolt.Compact(to, s.db, compactTransaction) })
	return errors.Join(err, to.Sync(), to.Close())
}
