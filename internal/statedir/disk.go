package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Warnings returns the reasons why the boots of our engine would not outlive this process in a state directory, which
// need not exist yet.
func Warnings(dir string) (warnings []string) {
	there := nearestDir(dir)
	if err := tryWriting(there); err != nil {
		warnings = append(warnings, fmt.Sprintf("state_dir %s cannot be written (%v): no notification is sent without it", dir, err))
	}
	if volatile(there) {
		warnings = append(warnings, fmt.Sprintf("state_dir %s lies in memory: after a restart of the machine or the container receivers drop traps of SNMPv3, "+
			"and notifications that were not acknowledged are lost", dir))
	}
	return warnings
}

// nearestDir returns the directory, or the nearest parent that exists.
func nearestDir(dir string) string {
	for _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".trapline-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writes is how writing to the database goes.
type writes struct {
	probing sync.Mutex // locked while it is tried whether it goes again

	mu     sync.Mutex
	failed error // the last, if that failed
	at     time.Time
}

func (s *Dir) noteWrite(err error) {
	s.writes.mu.Lock()
	defer s.writes.mu.Unlock()
	s.writes.failed, s.writes.at = err, time.Now()
}

// probeTime is how long after a write that failed another is tried to know whether it goes again.
const probeTime = 5 * time.Second

// Healthy returns the error of the last write to the database, or nil if it succeeded. It tries another write if the
// last one failed more than probeTime ago.
func (s *Dir) Healthy() error {
	s.writes.mu.Lock()
	err, at := s.writes.failed, s.writes.at
	s.writes.mu.Unlock()
	if err == nil || time.Since(at) < probeTime || !s.writes.probing.TryLock() {
		return err
	}
	defer s.writes.probing.Unlock()
	return s.Update(probe)
}

// probe writes as much as many alarms would take. The next one takes its place, so that as much is free again.
func probe(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(probeBucket)
	if err != nil {
		return err
	}
	return b.Put(probeBucket, make([]byte, probeSize))
}

var probeBucket = []byte("probe")

const probeSize = 64 << 10
