package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// Change is the content of a transaction.
type Change struct {
	Seq      uint64  // the last number of a row or an event
	Run      float64 // run time in seconds
	Alarms   map[string]*alarm.State
	Views    map[alarm.Place]*alarm.View
	Silences map[string]*mute.Silence // nil values of these maps are deleted

	Windows *[]string // the maintenance windows that the journal has as begun; nil if they are as before

	Doubted        []Row // stored ones that have become Known
	Removed, Added []Row
	Events         *NewEvents // of the added rows
	References     References // before the change; Settle counts them anew
	Dead           []Dead

	balance References // the change of References
}

// Row is a row of a receiver.
type Row struct {
	Receiver string
	Row      *queue.Row
}

// Dead is a dead letter of a receiver.
type Dead struct {
	Receiver string
	Number   uint64
	Letter   *DeadLetter
}

// Write writes a change.
func (c *Change) Write(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if err := meta.Put(seqKey, numbered(c.Seq)); err != nil {
		return err
	}
	if err := meta.Put(runKey, numbered(math.Float64bits(c.Run))); err != nil {
		return err
	}
	for key, s := range c.Alarms {
		if err := putJSON(tx.Bucket(alarmsBucket), []byte(key), s); err != nil {
			return err
		}
	}
	for at, v := range c.Views {
		if err := writeView(tx, at, v); err != nil {
			return err
		}
	}
	if err := c.writeRows(tx); err != nil {
		return err
	}
	for _, d := range c.Dead {
		if err := d.write(tx.Bucket(deadBucket).Bucket([]byte(d.Receiver))); err != nil {
			return err
		}
	}
	if c.Windows != nil {
		if err := writeWindows(tx, *c.Windows); err != nil {
			return err
		}
	}
	for id, s := range c.Silences {
		if err := putJSON(tx.Bucket(silencesBucket), []byte(id), s); err != nil {
			return err
		}
	}
	return nil
}

func writeView(tx *bbolt.Tx, at alarm.Place, v *alarm.View) error {
	b, err := bucketOf(tx.Bucket(viewsBucket), at.Receiver)
	if err != nil {
		return err
	}
	return putJSON(b, []byte(at.Key), v)
}

// bucketOf returns the bucket of a receiver, which is made with its first record.
func bucketOf(all *bbolt.Bucket, receiver string) (*bbolt.Bucket, error) {
	if b := all.Bucket([]byte(receiver)); b != nil {
		return b, nil
	}
	return all.CreateBucket([]byte(receiver))
}

// WriteEntries writes entries of the journal, and removes those up to the number stored, which are in the files of the
// journal. The entries of a transaction are the lines of one value, whose key is the number of the last one. It returns
// their texts.
func WriteEntries(tx *bbolt.Tx, entries []journal.Event, stored uint64) (texts [][]byte, err error) {
	b := tx.Bucket(journalBucket)
	c, upTo := b.Cursor(), numbered(stored)
	for k, _ := c.First(); k != nil && bytes.Compare(k, upTo) <= 0; k, _ = c.First() {
		if err := b.Delete(k); err != nil {
			return nil, err
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	var text []byte
	for i := range entries {
		start := len(text)
		text = entries[i].AppendLine(text)
		texts = append(texts, text[start:]) // append does not change these octets
	}
	k := numbered(entries[len(entries)-1].Seq)
	return texts, b.Put(k, statedir.Seal(k, text))
}

// putJSON stores a value, or deletes the key if the value is nil.
func putJSON[T any](b *bbolt.Bucket, key []byte, value *T) error {
	if value == nil {
		return b.Delete(key)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, statedir.Seal(key, text))
}

// numbered returns a number as a key, so that keys are in the order of their numbers.
func numbered(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
