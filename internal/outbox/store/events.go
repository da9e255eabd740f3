package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/queue"
)

// RowRecord is a row as stored. Its event is stored once for the rows of all receivers.
type RowRecord struct {
	Event uint64  `json:"event"` // number
	Line  string  `json:"line,omitempty"`
	After uint64  `json:"after,omitempty"`
	Run   float64 `json:"run"`
	Known bool    `json:"known,omitempty"`
	Ends  string  `json:"ends,omitempty"`

	Request int32 `json:"request,omitempty"` // the request-id, if it does not follow from the number
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

// writeRows writes rows and the events that they are the first to refer to. It deletes rows, and events to which none
// refers any more.
func (c *Change) writeRows(b *batch) {
	c.balance = References{}
	for _, r := range c.Doubted {
		r.write(b)
	}
	for _, r := range c.Removed {
		c.balance[r.Row.EventSeq]--
		b.delete(r.Row.Shard, r.key())
	}
	for _, r := range c.Added {
		r.write(b)
		if c.balance[r.Row.EventSeq]++; c.balance[r.Row.EventSeq] == 1 {
			b.put(r.Row.Shard, ledger.Numbered(ledger.Event, r.Row.EventSeq), c.Events.text(r.Row.EventSeq))
		}
	}
	for number, n := range c.balance {
		if n < 0 && c.References[number]+n <= 0 {
			b.delete(c.Shards.OfNumber(number), ledger.Numbered(ledger.Event, number))
		}
	}
}

func (r *Row) key() string { return ledger.Numbered(ledger.Of(ledger.Out, r.Receiver), r.Row.Seq()) }

func (r *Row) write(b *batch) {
	putJSON(b, r.Row.Shard, r.key(), &RowRecord{r.Row.EventSeq, r.Row.Line, r.Row.After, r.Row.Run, r.Row.Known, r.Row.Ends, r.Row.Request})
}

// storedEvents are the stored events by number.
type storedEvents map[uint64]*storedEvent

type storedEvent struct {
	event alarm.Event
	size  int
}

func (all storedEvents) read(name string, text []byte) error {
	number, err := ledger.ParseNumber(name)
	if err != nil {
		return err
	}
	e := &storedEvent{size: len(text)}
	if err := json.Unmarshal(text, &e.event); err != nil {
		return err
	}
	all[number] = e
	return nil
}

// row reads a row.
func (all storedEvents) row(name string, text []byte) (*queue.Row, error) {
	seq, err := ledger.ParseNumber(name)
	if err != nil {
		return nil, err
	}
	stored := &RowRecord{}
	if err := json.Unmarshal(text, stored); err != nil {
		return nil, err
	}
	e := all[stored.Event]
	if e == nil {
		return nil, fmt.Errorf("the event %d is missing", stored.Event)
	}
	row := &queue.Row{Event: e.event, Line: stored.Line, After: stored.After, Known: stored.Known, Ends: stored.Ends, Request: stored.Request, EventSeq: stored.Event}
	row.Stamp(seq, stored.Run, sizeOf(row, e.size))
	return row, nil
}
