package notify

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// State is what outlives the process, in a directory that it holds alone: two processes with one
// engine ID would make receivers drop the traps of one of them.
type State struct {
	Identity *Identity

	db *bbolt.DB
}

// databaseFile is where, in the state directory, everything but the engine lies. It is also what locks
// the directory.
const databaseFile = "trapline.db"

// lockTime is how long a process that is just ending may take to let go of the directory.
const lockTime = time.Second

// batchTime is how long a confirmed delivery waits for others to share its write with.
const batchTime = 2 * time.Millisecond

// Open takes hold of the directory, which is made if need be, and starts the engine: a configured ID,
// or with nil the one that is stored there.
func Open(dir string, engineID []byte, now time.Time) (*State, error) {
	db, err := openDatabase(dir)
	if err != nil {
		return nil, err
	}
	identity, err := openIdentity(dir, engineID, now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state directory: %w", err), db.Close())
	}
	return &State{Identity: identity, db: db}, nil
}

// Close lets go of the directory.
func (s *State) Close() error { return s.db.Close() }

// View reads the database.
func (s *State) View(read func(*bbolt.Tx) error) error { return s.db.View(read) }

func openDatabase(dir string) (*bbolt.DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	db, err := bbolt.Open(filepath.Join(dir, databaseFile), 0o600, &bbolt.Options{Timeout: lockTime})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("state directory %s: another process uses it: each needs one of its own", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %s: %w", dir, databaseFile, err)
	}
	db.MaxBatchDelay = batchTime
	return db, nil
}

// Engine gives the engine ID that a process with that directory has, and the boots of its last start,
// also while one runs. Where there is none yet, it is made and stored.
func Engine(dir string, configured []byte, now time.Time) (id []byte, boots int32, err error) {
	file := filepath.Join(dir, engineFile)
	if r, err := readEngine(file); err == nil && r.fits(configured) {
		return r.id, r.boots, nil
	}
	db, err := openDatabase(dir)
	if err != nil {
		return nil, 0, err
	}
	r, err := settleEngine(file, configured, now)
	if err == nil {
		err = r.store(file)
	}
	if err != nil {
		err = fmt.Errorf("state directory: %w", err)
	}
	return r.id, r.boots, errors.Join(err, db.Close())
}

// Borrow gives the engine as the process that runs with the directory has it, for a single message beside
// its own: the file of the engine was written when that started.
func Borrow(dir string, configured []byte, now time.Time) (*Identity, error) {
	id, boots, err := Engine(dir, configured, now)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(dir, engineFile))
	if err != nil {
		return nil, err
	}
	return FixedIdentity(id, boots, int32(min(max(0, now.Sub(info.ModTime())/time.Second), math.MaxInt32)), now), nil
}
