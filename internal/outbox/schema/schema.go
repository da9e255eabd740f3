// Package schema knows the forms of the outbox's database.
package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// MetaBucket contains the form of the database under Key, as 8 octets.
var (
	MetaBucket = []byte("meta")
	Key        = []byte("schema")
)

// Version is the form of the database that this version writes. In form 1 the severity was part of the identity of alarms,
// and each alarm listed the receivers that know it.
const Version = 2

// FirstFile is the copy of the database before its conversion from form 1.
const FirstFile = statedir.DatabaseFile + ".v1"

// Of returns the form of the database, or 0 if it is empty.
func Of(tx *bbolt.Tx) uint64 {
	meta := tx.Bucket(MetaBucket)
	switch {
	case meta == nil:
		return 0
	case len(meta.Get(Key)) == 8:
		return binary.BigEndian.Uint64(meta.Get(Key))
	}
	return 1
}

// KeepFirst copies a database of form 1 before its conversion. It returns an error if the form is later than Version.
func KeepFirst(s *statedir.Dir, now time.Time) error {
	return s.View(func(tx *bbolt.Tx) error {
		switch found := Of(tx); {
		case found > Version:
			return fmt.Errorf("state directory %s: %s is of form %d, and this version knows none after %d: start the version that wrote it, or use another state_dir",
				s.Path, statedir.DatabaseFile, found, Version)
		case found != 1:
			return nil
		}
		file := filepath.Join(s.Path, FirstFile)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			file += "-" + now.UTC().Format("20060102T150405.000Z")
		}
		if err := tx.CopyFile(file, 0o600); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		return nil
	})
}

// FirstAlarm is an active alarm in form 1.
type FirstAlarm struct {
	Alarm alarm.Alarm          `json:"alarm"`
	Lease time.Time            `json:"lease,omitzero"`
	Told  map[string]FirstView `json:"told,omitempty"` // by receiver
}

// FirstView is what a receiver knows of an alarm in form 1.
type FirstView struct {
	Event   string    `json:"event"`
	At      time.Time `json:"at"`
	Repeats int       `json:"repeats,omitempty"`
	Left    bool      `json:"left,omitempty"`
}
