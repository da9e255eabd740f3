package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"trapline/internal/statedir"
)

// Two files beside the data of our own server say what etcd does not ask.

// ownerFile has the name of the member whose data these are. A copy on another machine, with another name, would vote as the first one a
// second time, and what one of the two has confirmed could be lost.
const ownerFile = "owner"

// recoveringFile is there while the data are made to be those of a cluster of one: they are not whole.
const recoveringFile = "recovering"

// What a cluster of one is made of.
const (
	ofData     = "data"
	ofSnapshot = "snapshot"
)

// mark returns the text of such a file, "" if there is none.
func (c *Config) mark(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

func (c *Config) setMark(name, text string) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	return statedir.ReplaceFile(filepath.Join(c.Dir, name), []byte(text))
}

// checkOwner refuses data of another member, and notes whose they are from here on.
func (c *Config) checkOwner() error {
	owner, err := c.mark(ownerFile)
	switch {
	case err != nil:
		return err
	case owner == "":
		return c.setMark(ownerFile, c.Member)
	case owner != c.Member:
		return fmt.Errorf("the data in %s are those of %s, and this member is %s: remove that directory, and it joins the others; or write cluster.member: %s", c.Dir, owner, c.Member, owner)
	}
	return nil
}

// checkWhole refuses data that Recover has left unfinished.
func (c *Config) checkWhole() error {
	of, err := c.mark(recoveringFile)
	if err != nil || of == "" {
		return err
	}
	return fmt.Errorf("trapline cluster recover has not ended in %s: run it once more, %s", c.Dir, map[bool]string{true: "with its --snapshot", false: "without --snapshot"}[of == ofSnapshot])
}

// checkLength refuses a database that was cut short, as by a copy that has not ended. etcd's server would end the process as it reads what is
// missing.
func (c *Config) checkLength() error {
	file := c.database()
	is, err := os.Stat(file)
	if err != nil || is.Size() == 0 || !c.HasData() {
		return nil // the server makes one
	}
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if err != nil {
		if errors.Is(err, bbolterrors.ErrTimeout) {
			return nil // the server waits for it
		}
		return c.damaged(err)
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > is.Size() {
			return c.damaged(fmt.Errorf("%s has %d octets of %d", file, is.Size(), tx.Size()))
		}
		return nil
	})
}

// database is the name of the file that has the keys.
func (c *Config) database() string { return filepath.Join(c.Dir, "member", "snap", "db") }

func (c *Config) damaged(err error) error {
	return fmt.Errorf("%w: remove the directory %s if the other voters answer, which have the same data", err, c.Dir)
}

// Unfinished reports whether the data are those that a recovery from a snapshot has begun and not completed, and which Discard removes.
func (c *Config) Unfinished() bool {
	of, err := c.mark(recoveringFile)
	return err == nil && of == ofSnapshot
}

// Discard removes data that Unfinished reports.
func (c *Config) Discard() error { return os.RemoveAll(filepath.Join(c.Dir, "member")) }

// beginRecovery notes that the data are not whole.
func (c *Config) beginRecovery() error {
	of := ofSnapshot
	if c.HasData() {
		of = ofData
	}
	return c.setMark(recoveringFile, of)
}

// endRecovery notes that they are.
func (c *Config) endRecovery() error {
	return errors.Join(os.Remove(filepath.Join(c.Dir, recoveringFile)), c.setMark(ownerFile, c.Member))
}
