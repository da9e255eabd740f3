// Package statedir is the state directory of a process: the database, the file of the SNMP engine, and the checksums by
// which the next process notices damage. One process at a time holds a directory.
package statedir

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"trapline/internal/originator"
)

// Dir is what outlives the process, in a directory that it holds alone: two processes with one
// engine ID would make receivers drop the traps of one of them.
type Dir struct {
	Identity *originator.Identity

	Path string
	db   *bbolt.DB
	Lost error // says where the database of the last process lies, where that was damaged

	writes    writes
	reporting sync.Mutex // guards what follows
	reports   []Damage   // to be logged
	damaged   int        // all that were reported
}

// DatabaseFile is where, in the state directory, everything but the engine lies. It is also what locks
// the directory.
const DatabaseFile = "trapline.db"

// lockTime is how long a process that is just ending may take to let go of the directory.
const lockTime = time.Second

// Open takes hold of the directory, which is made if need be, and starts the engine: a configured ID,
// or with nil the one that is stored there. A database that is damaged is moved aside: the alarms of
// tomorrow do not wait for those that are lost.
func Open(dir string, engineID []byte, now time.Time) (*Dir, error) {
	s := &Dir{Path: dir, Lost: vanished(dir)}
	if s.Lost != nil {
		s.damaged++
	}
	var err error
	if s.db, err = openDatabase(dir); err == nil || IsDamage(err) {
		s.compareSums()
	}
	if err == nil {
		err = inspect(s.db)
	}
	if IsDamage(err) {
		err = s.SetAside(err, now)
	}
	if err != nil {
		return nil, err
	}
	if err := s.openIdentity(engineID, now); err != nil {
		return nil, errors.Join(fmt.Errorf("state directory: %w", err), s.db.Close())
	}
	return s, nil
}

// vanished reports that there is no database where there was one: whatever makes the file of an engine makes a
// database first. A loss of power may leave it without content.
func vanished(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, engineFile)); err != nil {
		return nil
	}
	info, err := os.Stat(filepath.Join(dir, DatabaseFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: it is missing", errDamaged)
	case err == nil && info.Size() == 0:
		return fmt.Errorf("%w: it is empty", errDamaged)
	}
	return nil
}

// engineBucket has a copy of the file of the engine, which has to be no younger than that: should the file be
// damaged, receivers of SNMPv3 traps need not be given another engine ID.
var engineBucket, engineKey = []byte("engine"), []byte("identity")

func (s *Dir) openIdentity(configured []byte, now time.Time) error {
	var backup *engineRecord
	_, err := s.ReadRecords(engineBucket, func(_, text []byte) error {
		r, err := parseEngine(text)
		if err == nil {
			backup = &r
		}
		return err
	})
	if err != nil {
		return err
	}
	also := func(r *engineRecord) error {
		return s.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(engineBucket)
			if err != nil {
				return err
			}
			return b.Put(engineKey, Seal(engineKey, r.text()))
		})
	}
	f := identityFile{filepath.Join(s.Path, engineFile), backup, also}
	var damage *Damage
	s.Identity, damage, err = f.open(configured, now)
	if damage != nil {
		s.Report(*damage)
	}
	return err
}

// SetAside begins a new database in the place of one that is damaged.
func (s *Dir) SetAside(damage error, now time.Time) (err error) {
	if s.db != nil {
		_ = guarded(s.db.Close)
	}
	file := filepath.Join(s.Path, DatabaseFile)
	aside := file + ".corrupt-" + now.UTC().Format("20060102T150405.000Z")
	if err := os.Rename(file, aside); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	s.Lost = fmt.Errorf("%w: it was moved to %s", damage, aside)
	s.damaged++
	s.db, err = openDatabase(s.Path)
	return err
}

// Close lets go of the directory. All that others have there must be written before.
func (s *Dir) Close() error {
	if err := writeSums(s.Path); err != nil { // the next process compares nothing
		_ = os.Remove(filepath.Join(s.Path, sumsFile))
	}
	return s.db.Close()
}

// compareSums has what became of the files since the last process logged.
func (s *Dir) compareSums() {
	changed, err := compareSums(s.Path)
	if err != nil {
		changed = append(changed, Damage{Text: "the checksums of the state directory cannot be compared", Where: s.Path, Err: err})
	}
	s.reporting.Lock()
	defer s.reporting.Unlock()
	s.reports = append(s.reports, changed...)
}

// Update changes the database in one transaction, which is on the disk once it has returned. Whoever has
// buckets there makes them by it, after New, which may find that the database is damaged; what belongs
// to transitions is stored by Outbox.ApplyWith.
func (s *Dir) Update(change func(*bbolt.Tx) error) error {
	var refused error // by change, which is not about the disk
	err := guarded(func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			refused = change(tx)
			return refused
		})
	})
	if refused == nil {
		s.noteWrite(err)
	}
	return err
}

// View reads the database.
func (s *Dir) View(read func(*bbolt.Tx) error) error {
	return guarded(func() error { return s.db.View(read) })
}

// errDamaged is a database that cannot be used.
var errDamaged = errors.New(DatabaseFile + " is damaged")

// guarded makes an error of a panic: bbolt has nothing else for pages that are none, and a file that was
// cut short is memory that is missing.
func guarded(use func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return use()
}

// IsDamage reports whether err is damage of a file.
func IsDamage(err error) bool { return errors.Is(err, errDamaged) }

// inspect looks at all of a database that may come to be used.
func inspect(db *bbolt.DB) error {
	f, err := os.Open(db.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	return guarded(func() error { return db.View(func(tx *bbolt.Tx) error { return inspectPages(tx, f) }) })
}

func openDatabase(dir string) (*bbolt.DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	var db *bbolt.DB
	err := guarded(func() (err error) {
		db, err = bbolt.Open(filepath.Join(dir, DatabaseFile), 0o600, &bbolt.Options{Timeout: lockTime})
		return err
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("state directory %s: another process uses it: each needs one of its own", dir)
	}
	if err != nil && !IsDamage(err) && !errors.As(err, new(syscall.Errno)) { // it is about what is in the file
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %s: %w", dir, DatabaseFile, err)
	}
	return db, nil
}

// Engine gives the engine ID that a process with that directory has, and the boots of its last start,
// also while one runs. Where there is none yet, it is made and stored.
func Engine(dir string, configured []byte, now time.Time) (id []byte, boots int32, err error) {
	file := filepath.Join(dir, engineFile)
	r, err := readEngine(file)
	if err == nil && r.fits(configured) {
		return r.id, r.boots, nil
	}
	if errors.Is(err, errBrokenEngine) {
		return nil, 0, fmt.Errorf("%w: restore the file, or start trapline serve, which moves it aside", err)
	}
	db, errOpen := openDatabase(dir)
	if errOpen != nil {
		return nil, 0, errOpen
	}
	if r, err = settleEngine(file, r, err, configured, now); err == nil {
		err = r.store(file)
	}
	if err != nil {
		err = fmt.Errorf("state directory: %w", err)
	}
	return r.id, r.boots, errors.Join(err, db.Close())
}

// IdentityOf is the engine that others know by an ID, for messages in its name. Where that is not the one of
// the state directory, its boots are kept there in a file of its own, and counted at each call.
func IdentityOf(dir string, id []byte, now time.Time) (i *originator.Identity, damage *Damage, err error) {
	if own, err := readEngine(filepath.Join(dir, engineFile)); err == nil && own.fits(id) {
		i, err := ReadIdentity(dir, nil, now)
		return i, nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("state directory: %w", err)
	}
	f := identityFile{file: filepath.Join(dir, fmt.Sprintf("%s-%x", engineFile, id))}
	return f.open(id, now)
}

// ReadIdentity gives the engine as the process that runs with the directory has it, for a single message beside
// its own: the file of the engine was written when that started.
func ReadIdentity(dir string, configured []byte, now time.Time) (*originator.Identity, error) {
	id, boots, err := Engine(dir, configured, now)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(dir, engineFile))
	if err != nil {
		return nil, err
	}
	return originator.FixedIdentity(id, boots, int32(min(max(0, now.Sub(info.ModTime())/time.Second), math.MaxInt32)), now), nil
}
