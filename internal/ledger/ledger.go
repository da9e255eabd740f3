// Package ledger says how what must outlive a process is stored: records by shard and key, which change in batches. A
// batch is applied as a whole or not at all. The package stores nothing itself.
package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Write puts a record of a shard, or deletes it if Value is nil. A single process has the one shard "".
type Write struct {
	Shard, Key string
	Value      []byte
}

// Octets returns how many octets writes have.
func Octets(writes []Write) (n int) {
	for _, w := range writes {
		n += len(w.Key) + len(w.Value)
	}
	return n
}

// Each is called with a record. The value is valid until it returns. An error refuses the record.
type Each = func(key string, value []byte) error

// Store stores records. All methods may be called concurrently.
type Store interface {
	// Load calls each with the records of a shard, in the order of their kinds. Records that cannot be read, or that each
	// refuses, are put aside if the store can do so: Load then returns a *Damage, after it has read all others.
	Load(ctx context.Context, shard string, each func(key string, value []byte) error) error

	// Commit applies writes in order, as a whole or not at all. If it returns nil, they are on the disk. A *Refused names
	// the write that cannot be applied. No writes at all are a commit too: it shows that the disk can be written.
	Commit(ctx context.Context, writes []Write) error
}

// Selective is a Store that can read some records of a shard without reading all.
type Selective interface {
	// LoadOf is Load of the records whose keys begin with one of the prefixes.
	LoadOf(ctx context.Context, shard string, prefixes []string, each func(key string, value []byte) error) error
}

// Load calls each with the records of a shard whose keys begin with one of the prefixes, as Store.Load does.
func Load(ctx context.Context, s Store, shard string, prefixes []string, each Each) error {
	if some, ok := s.(Selective); ok {
		return some.LoadOf(ctx, shard, prefixes, each)
	}
	return s.Load(ctx, shard, func(key string, value []byte) error {
		if !Begins(key, prefixes) {
			return nil
		}
		return each(key, value)
	})
}

// Begins reports whether a key begins with one of the prefixes.
func Begins(key string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// Lost is the error of writes to shards that the process does not own, or no longer does. It is unknown whether they were
// applied; those to other shards were.
type Lost struct{ Shards []string }

func (e *Lost) Error() string {
	return fmt.Sprintf("lost: shard %s is owned by another member", strings.Join(e.Shards, ", "))
}

// Refused is the error of a batch that one of its writes keeps from being applied.
type Refused struct {
	At  int // index of the write
	Err error
}

func (e *Refused) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *Refused) Unwrap() error { return e.Err }

// Damage is the error of a Load that has not given all records to its caller.
type Damage struct {
	Keys []string // of the records that could not be read; at least one
	Err  error    // why they could not be put aside; nil if they were
}

func (e *Damage) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%d records cannot be read, nor be put aside: %v", len(e.Keys), e.Err)
	}
	return fmt.Sprintf("%d records cannot be read and were put aside", len(e.Keys))
}

// Unwrap returns why the records could not be put aside.
func (e *Damage) Unwrap() error { return e.Err }
