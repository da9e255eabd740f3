package statedir

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// A large database that is half empty shrinks at the next start, and has what it had; another one stays as it is.
func TestDatabasesAreCompacted(t *testing.T) {
	before := compactSize
	defer func() { compactSize = before }()
	compactSize = 2 << 20
	dir := t.TempDir()
	fill := func(bucket string, n int) {
		s, err := Open(dir, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			for i := range n {
				err = b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), bytes.Repeat([]byte("x"), 1000))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			err = s.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucket)) })
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, DatabaseFile))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fill("kept", 1000)
	fill("waiting", 8000)
	full := size()
	fill("kept", 1000) // opens it: it is full
	if size() < full {
		t.Errorf("%d octets of %d are left of a database that is full", size(), full)
	}
	fill("waiting", 0)
	s, err := Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if size() > full/2 {
		t.Errorf("%d octets of %d are left", size(), full)
	}
	if err := s.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket([]byte("kept")).Stats().KeyN; n != 1000 || tx.Bucket([]byte("waiting")) != nil {
			t.Errorf("%d rows are kept", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, DatabaseFile+".compact")); err == nil {
		t.Error("the copy is left")
	}
}
