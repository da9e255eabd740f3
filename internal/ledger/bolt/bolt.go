// Package bolt stores the records of a single process in the database of its state directory.
package bolt

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"trapline/internal/ledger"
	"trapline/internal/statedir"
)

// Store implements ledger.Store and ledger.Selective for the shard "". Each commit is one transaction, and each record has
// a checksum. The forms of keys and values are those of form 3 of the database: see internal/outbox/store.
type Store struct {
	Dir *statedir.Dir
}

var (
	_ ledger.Store     = (*Store)(nil)
	_ ledger.Selective = (*Store)(nil) // else ledger.Load reads all records for a few
)

func single(shard string) error {
	if shard != "" {
		return fmt.Errorf("the database of a single process has no shard %q", shard)
	}
	return nil
}

// Commit implements ledger.Store.
func (s *Store) Commit(_ context.Context, writes []ledger.Write) error {
	at := 0
	err := s.Dir.Update(func(tx *bbolt.Tx) error {
		t := &transaction{tx: tx, buckets: map[string]*bbolt.Bucket{}}
		for at = 0; at < len(writes); at++ {
			if err := t.apply(&writes[at]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && at < len(writes) { // a page that is none makes bbolt panic in the midst of a write
		return &ledger.Refused{At: at, Err: err}
	}
	return err
}

// transaction has the buckets that a commit has used.
type transaction struct {
	tx      *bbolt.Tx
	buckets map[string]*bbolt.Bucket // by kind, and receiver
}

func (t *transaction) apply(w *ledger.Write) error {
	if err := single(w.Shard); err != nil {
		return err
	}
	l := layoutOf(w.Key)
	if l == nil {
		return fmt.Errorf("a record %q has no place in the database", w.Key)
	}
	group, name := l.split(w.Key)
	b, err := t.bucket(l, group)
	if err != nil {
		return err
	}
	key, err := l.key(name)
	if err != nil {
		return err
	}
	if w.Value == nil {
		return b.Delete(key)
	}
	value, err := l.form.encode(key, w.Value)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

// fullPages is how full the pages are of records whose keys grow: nothing is inserted between them.
const fullPages = 0.95

// bucket returns the bucket of a kind, or of a receiver's records of the kind.
func (t *transaction) bucket(l *layout, group string) (*bbolt.Bucket, error) {
	if b := t.buckets[group]; b != nil {
		return b, nil
	}
	b, err := t.tx.CreateBucketIfNotExists([]byte(l.bucket))
	if err == nil && l.nested {
		receiver, _ := ledger.CutReceiver(strings.TrimPrefix(group, l.kind))
		b, err = b.CreateBucketIfNotExists([]byte(receiver))
	}
	if err != nil {
		return nil, err
	}
	if l.full {
		b.FillPercent = fullPages
	}
	t.buckets[group] = b
	return b, nil
}

// Load implements ledger.Store.
func (s *Store) Load(ctx context.Context, shard string, each func(key string, value []byte) error) error {
	return s.LoadOf(ctx, shard, []string{""}, each)
}

// LoadOf implements ledger.Selective. What it puts aside is reported to the state directory.
func (s *Store) LoadOf(_ context.Context, shard string, prefixes []string, each func(key string, value []byte) error) error {
	if err := single(shard); err != nil {
		return err
	}
	r := &reading{prefixes: prefixes, each: each}
	err := s.Dir.View(func(tx *bbolt.Tx) error {
		for i := range layouts {
			r.kind(tx, &layouts[i])
		}
		return nil
	})
	if err != nil || len(r.bad) == 0 {
		return err
	}
	return s.putAside(r)
}

func (s *Store) putAside(r *reading) error {
	found := &ledger.Damage{Keys: r.keys}
	found.Err = s.Dir.Update(func(tx *bbolt.Tx) error {
		for _, d := range r.bad {
			if err := statedir.PutAside(tx, d.layout.open(tx, d.receiver), d.records); err != nil {
				return err
			}
		}
		return nil
	})
	for _, d := range r.bad {
		for _, one := range d.records {
			if found.Err != nil {
				one.Aside, one.Err = "", fmt.Errorf("%w (it stays where it is: %w)", one.Err, found.Err)
			}
			s.Dir.Report(one)
		}
	}
	return found
}

// reading is a Load on its way.
type reading struct {
	prefixes []string
	each     ledger.Each
	bad      []damage
	keys     []string // of the bad ones
}

// damage is the records of a bucket that cannot be read.
type damage struct {
	layout   *layout
	receiver string
	records  []statedir.Damage
}

// overlaps reports whether keys that begin with group may be wanted.
func (r *reading) overlaps(group string) bool {
	for _, p := range r.prefixes {
		if strings.HasPrefix(p, group) || strings.HasPrefix(group, p) {
			return true
		}
	}
	return false
}

// kind reads the records of a kind.
func (r *reading) kind(tx *bbolt.Tx, l *layout) {
	top := tx.Bucket([]byte(l.bucket))
	if top == nil || !r.overlaps(l.kind) {
		return
	}
	if l.record != "" {
		r.one(top, l)
		return
	}
	if !l.nested {
		r.group(top, l, "")
		return
	}
	_ = top.ForEachBucket(func(name []byte) error {
		if receiver := string(name); r.overlaps(l.group(receiver)) {
			r.group(top.Bucket(name), l, receiver)
		}
		return nil
	})
}

// one reads a record that is alone of its kind.
func (r *reading) one(b *bbolt.Bucket, l *layout) {
	key := []byte(l.record)
	value := b.Get(key)
	if value == nil || !ledger.Begins(l.kind, r.prefixes) {
		return
	}
	text, err := l.form.decode(key, value)
	if err == nil {
		err = r.each(l.kind, text)
	}
	if err != nil && !l.lenient {
		r.note(l, "", []statedir.Damage{statedir.Unread(l.bucket, key, err)})
	}
}

// group reads the records of a bucket.
func (r *reading) group(b *bbolt.Bucket, l *layout, receiver string) {
	prefix, where := l.group(receiver), l.bucket
	if l.nested {
		where += "/" + receiver
	}
	r.note(l, receiver, statedir.Unreadable(b, where, func(k, text []byte) error {
		key, err := l.name(k)
		if err != nil {
			return err
		}
		if key = prefix + key; !ledger.Begins(key, r.prefixes) {
			return nil
		}
		return r.each(key, text)
	}))
}

func (r *reading) note(l *layout, receiver string, records []statedir.Damage) {
	if len(records) == 0 {
		return
	}
	r.bad = append(r.bad, damage{l, receiver, records})
	for _, d := range records {
		name, _ := l.name([]byte(d.Key))
		r.keys = append(r.keys, l.group(receiver)+name)
	}
}
