// Package statedir is the state directory of a process: the database, the file of the SNMP engine, and the checksums by
// which the next process notices damage. One process at a time holds a directory.
package statedir

import (
	"errors"
	"fmt"
	"io/fs"
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

// Dir is the state that outlives the process. The process locks the directory: two processes with the same engine ID
// would make receivers drop the traps of one of them.
type Dir struct {
	Identity *originator.Identity

	Path string
	db   *bbolt.DB
	Lost error // the damage of the last process's database and its new path; nil without damage

	writes    writes
	reporting sync.Mutex // guards reports and damaged
	reports   []Damage   // to be logged
	damaged   int        // all that were reported
}

// DatabaseFile is the name of the database, which has all state except the engine. Its lock is the lock of the
// directory.
const DatabaseFile = "trapline.db"

// lockTime is how long Open waits for another process to release the directory.
const lockTime = time.Second

// Open creates the directory if needed, locks it and starts the engine with engineID, or if it is nil, with the stored
// engine ID. A damaged database is moved aside, so that new alarms can be stored.
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
	if err == nil {
		err = s.compact()
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

// vanished returns an error if the database is missing or empty although there is a file of an engine, which is created
// after the database. A loss of power may leave the database empty.
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

// SetAside moves the damaged database aside and creates a new one.
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

// Close releases the directory. All other files in it must be written before.
func (s *Dir) Close() error {
	if err := writeSums(s.Path); err != nil { // the next process compares nothing
		_ = os.Remove(filepath.Join(s.Path, sumsFile))
	}
	return s.db.Close()
}

// compareSums reports the files that have changed since the last process ended, for LogDamage.
func (s *Dir) compareSums() {
	changed, err := compareSums(s.Path)
	if err != nil {
		changed = append(changed, Damage{Text: "the checksums of the state directory cannot be compared", Where: s.Path, Err: err})
	}
	s.reporting.Lock()
	defer s.reporting.Unlock()
	s.reports = append(s.reports, changed...)
}

// Update changes the database in one transaction, which is on the disk when Update returns. Callers create their buckets
// by it after outbox.New, which may replace a damaged database. Data that belong to transitions are stored by
// Outbox.ApplyWith.
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

// growth is the number of octets by which the file of a large database grows.
const growth = 4 << 20

func openDatabase(dir string) (*bbolt.DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w%s", err, hint(err))
	}
	var db *bbolt.DB
	err := guarded(func() (err error) {
		db, err = bbolt.Open(filepath.Join(dir, DatabaseFile), 0o600, &bbolt.Options{Timeout: lockTime})
		if err == nil {
			db.AllocSize = growth
		}
		return err
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("state directory %s: another process uses it: each needs one of its own", dir)
	}
	if err != nil && !IsDamage(err) && !errors.As(err, new(syscall.Errno)) { // the error is about the content of the file
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %s: %w%s", dir, DatabaseFile, err, hint(err))
	}
	return db, nil
}

// hint says what to write if a directory cannot be written to.
func hint(err error) string {
	for _, one := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.EROFS, syscall.ENOTDIR} {
		if errors.Is(err, one) {
			return ": write a directory as state_dir in which this process may write"
		}
	}
	return ""
}

// Engine returns the engine ID of a process with that directory and the boots of its last start. It may be called while
// the process runs. If there is no engine yet, Engine creates and stores one.
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

// IdentityOf returns the engine with an ID, for messages in its name. If it is not the engine of the state directory, its
// boots are stored there in a file of its own and incremented at each call.
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

// ReadIdentity returns the engine of the process that runs with the directory, for a single message of another process.
// The engine time is the age of the engine's file, which is written when the process starts.
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
