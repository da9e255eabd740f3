package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// rowRecord is a row as stored. Its event is stored once for the rows of all receivers.
type rowRecord struct {
	Event uint64  `json:"event"` // number
	Line  string  `json:"line,omitempty"`
	After uint64  `json:"after,omitempty"`
	Run   float64 `json:"run"`
	Known bool    `json:"known,omitempty"`
	Ends  string  `json:"ends,omitempty"`
}

// rowSize is the approximate size of a stored row without its event and its line, in octets.
const rowSize = 80

// References are how many rows refer to the stored events, by the number of the event.
type References map[uint64]int

// NewEvents are the events of a plan, in the order of their numbers.
type NewEvents []newEvent

type newEvent struct {
	number uint64
	text   []byte
}

// sameWithin is among how many of the last events the same one is looked for: rows of one event are made together.
const sameWithin = 16

// Stamp numbers a row. Its event has the number of the first row that has the same event.
func (n *NewEvents) Stamp(r *queue.Row, seq uint64, run float64) {
	text, _ := json.Marshal(&r.Event) // encoding an event cannot fail
	r.EventSeq = seq
	last := (*n)[max(0, len(*n)-sameWithin):]
	if i := slices.IndexFunc(last, func(e newEvent) bool { return bytes.Equal(e.text, text) }); i >= 0 {
		r.EventSeq = last[i].number
	} else {
		*n = append(*n, newEvent{seq, text})
	}
	r.Stamp(seq, run, sizeOf(r, len(text)))
}

// text returns the text of an event.
func (n NewEvents) text(number uint64) []byte {
	i, _ := slices.BinarySearchFunc(n, number, func(e newEvent, number uint64) int { return cmp.Compare(e.number, number) })
	return n[i].text
}

func sizeOf(r *queue.Row, event int) int { return rowSize + len(r.Line) + event }

// fullPages is how full the pages are of records whose keys grow: nothing is inserted between them.
const fullPages = 0.95

// writeRows writes rows and the events that they are the first to refer to. It deletes rows, and events to which none
// refers any more.
func (c *Change) writeRows(tx *bbolt.Tx) error {
	outbox, events := tx.Bucket(outboxBucket), tx.Bucket(eventsBucket)
	events.FillPercent = fullPages
	c.balance = References{}
	for _, r := range c.Doubted {
		if err := writeRow(outbox.Bucket([]byte(r.Receiver)), r.Row); err != nil {
			return err
		}
	}
	for _, r := range c.Removed {
		c.balance[r.Row.EventSeq]--
		if err := outbox.Bucket([]byte(r.Receiver)).Delete(numbered(r.Row.Seq())); err != nil {
			return err
		}
	}
	for _, a := range c.Added {
		b, err := bucketOf(outbox, a.Receiver)
		if err != nil {
			return err
		}
		b.FillPercent = fullPages
		r := a.Row
		if err := writeRow(b, r); err != nil {
			return err
		}
		k := numbered(r.EventSeq)
		if c.balance[r.EventSeq]++; c.balance[r.EventSeq] > 1 {
			continue
		}
		if err := events.Put(k, statedir.Seal(k, c.Events.text(r.EventSeq))); err != nil {
			return err
		}
	}
	for number, n := range c.balance {
		if n < 0 && c.References[number]+n <= 0 {
			if err := events.Delete(numbered(number)); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeRow(b *bbolt.Bucket, r *queue.Row) error {
	return putJSON(b, numbered(r.Seq()), &rowRecord{r.EventSeq, r.Line, r.After, r.Run, r.Known, r.Ends})
}

// Settle counts the references, after the transaction.
func (c *Change) Settle() {
	for number, n := range c.balance {
		if c.References[number] += n; c.References[number] <= 0 {
			delete(c.References, number)
		}
	}
}

// StoredEvents are the stored events by number.
type StoredEvents map[uint64]*storedEvent

type storedEvent struct {
	event alarm.Event
	size  int
}

// Events reads the events.
func (r *Reader) Events(tx *bbolt.Tx) (StoredEvents, error) {
	all := StoredEvents{}
	err := r.rows(tx, "events", tx.Bucket(eventsBucket), func(k, text []byte) error {
		e := &storedEvent{size: len(text)}
		if err := json.Unmarshal(text, &e.event); err != nil {
			return err
		}
		if len(k) != 8 {
			return fmt.Errorf("a key of %d octets", len(k))
		}
		all[binary.BigEndian.Uint64(k)] = e
		return nil
	})
	return all, err
}

// Queue reads the rows of a receiver, the oldest first.
func (r *Reader) Queue(tx *bbolt.Tx, receiver string, events StoredEvents) (rows []*queue.Row, err error) {
	err = r.rows(tx, "dead/"+receiver, tx.Bucket(deadBucket).Bucket([]byte(receiver)), func(_, text []byte) error {
		return json.Unmarshal(text, &DeadLetter{})
	})
	if err != nil {
		return nil, err
	}
	err = r.rows(tx, "outbox/"+receiver, tx.Bucket(outboxBucket).Bucket([]byte(receiver)), func(k, text []byte) error {
		stored := &rowRecord{}
		if err := json.Unmarshal(text, stored); err != nil {
			return err
		}
		e := events[stored.Event]
		if len(k) != 8 || e == nil {
			return fmt.Errorf("a key of %d octets, or the event %d is missing", len(k), stored.Event)
		}
		row := &queue.Row{Event: e.event, Line: stored.Line, After: stored.After, Known: stored.Known, Ends: stored.Ends, EventSeq: stored.Event}
		row.Stamp(binary.BigEndian.Uint64(k), stored.Run, sizeOf(row, e.size))
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// Receivers returns the names of the receivers that have a queue in the database, and of those of a list. Theirs are
// created.
func Receivers(tx *bbolt.Tx, list []string) (names []string, err error) {
	for _, name := range list {
		for _, b := range []*bbolt.Bucket{tx.Bucket(outboxBucket), tx.Bucket(deadBucket)} {
			if _, err := b.CreateBucketIfNotExists([]byte(name)); err != nil {
				return nil, err
			}
		}
	}
	return below(tx.Bucket(outboxBucket))
}

// Sweep deletes the events to which no row refers: damage has put their rows aside.
func Sweep(tx *bbolt.Tx, events StoredEvents, refs References) (err error) {
	for number := range events {
		if refs[number] == 0 {
			err = errors.Join(err, tx.Bucket(eventsBucket).Delete(numbered(number)))
		}
	}
	return err
}
