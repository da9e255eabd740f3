// Package store has the records of the outbox, and the conversion of databases of earlier forms. It decides nothing.
// internal/ledger/bolt has where the records are in a database.
package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// The buckets and keys of the database. outbox, views and dead contain one bucket for each receiver.
var (
	metaBucket     = []byte("meta")
	alarmsBucket   = []byte("alarms")   // by key
	viewsBucket    = []byte("views")    // by key of the place
	eventsBucket   = []byte("events")   // by number, once for all receivers
	outboxBucket   = []byte("outbox")   // rows by number, which refer to events
	silencesBucket = []byte("silences") // by ID; why an alarm is muted is not stored, but computed from them
	deadBucket     = []byte("dead")
	journalBucket  = []byte("journal") // entries that are not yet in a file of the journal
	formKey        = []byte("schema")  // see form
)

// Version is the form of the database that this version writes. In form 1 the severity was part of the identity of alarms,
// and each alarm listed the receivers that know it. In form 2 each row had its event.
const Version = 3

// form returns the form of the database, or 0 if it is empty.
func form(tx *bbolt.Tx) uint64 {
	meta := tx.Bucket(metaBucket)
	switch {
	case meta == nil:
		return 0
	case len(meta.Get(formKey)) == 8:
		return binary.BigEndian.Uint64(meta.Get(formKey))
	}
	return 1
}

// Keep copies a database of an earlier form before its conversion, to a file whose name ends with the form. It returns an
// error if the form is later than Version, and if it is form 1 and the process is a member of a cluster: receivers are sent something by that conversion.
func Keep(s *statedir.Dir, member bool, now time.Time) error {
	return s.View(func(tx *bbolt.Tx) error {
		switch found := form(tx); {
		case found > Version:
			return fmt.Errorf("state directory %s: %s is of form %d, and this version knows none after %d: start the version that wrote it, or use another state_dir",
				s.Path, statedir.DatabaseFile, found, Version)
		case found == 1 && member:
			return fmt.Errorf("state directory %s: %s is of form 1: start this version once without cluster in the configuration", s.Path, statedir.DatabaseFile)
		case found == 0, found == Version:
			return nil
		default:
			return keep(tx, filepath.Join(s.Path, fmt.Sprintf("%s.v%d", statedir.DatabaseFile, found)), now)
		}
	})
}

// KeepAs copies the database to a file whose name ends with a word, in the place of an earlier copy.
func KeepAs(s *statedir.Dir, word string) error {
	file := filepath.Join(s.Path, statedir.DatabaseFile+"."+word)
	err := s.View(func(tx *bbolt.Tx) error { return tx.CopyFile(file+".new", 0o600) })
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	return nil
}

// begin creates missing buckets.
func begin(tx *bbolt.Tx) error {
	for _, name := range [][]byte{alarmsBucket, viewsBucket, eventsBucket, outboxBucket, deadBucket, journalBucket, silencesBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// below returns the names of the buckets in a bucket.
func below(b *bbolt.Bucket) (names []string, err error) {
	err = b.ForEachBucket(func(name []byte) error {
		names = append(names, string(name))
		return nil
	})
	return names, err
}

// store stores a record.
func store[T any](b *bbolt.Bucket, key []byte, value *T) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, statedir.Seal(key, text))
}

// numbered returns a number as a key, so that keys are in the order of their numbers.
func numbered(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func keep(tx *bbolt.Tx, file string, now time.Time) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		file += "-" + now.UTC().Format("20060102T150405.000Z")
	}
	if err := tx.CopyFile(file, 0o600); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	return nil
}
