package store

import (
	"encoding/json"
	"maps"
	"strconv"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
)

// Change is what the outbox writes in a commit.
type Change struct {
	Seq      uint64  // the last number of a row or an event
	Run      float64 // run time in seconds
	Alarms   map[string]*alarm.State
	Views    map[alarm.Place]*alarm.View
	Inhibit  []shards.Inhibitor       // those that change
	Silences map[string]*mute.Silence // nil values of these maps are deleted

	Shards *shards.Set       // nil without a cluster
	Homes  map[string]string // the shards of Alarms; without a cluster it may be nil

	Windows *[]string // the maintenance windows that the journal has as begun; nil if they are as before
	Sent    *Sent     // nil if the process goes on

	Doubted        []Row // stored ones that have become Known
	Removed, Added []Row
	Events         *NewEvents // of the added rows
	References     References // before the change; Settle counts them anew
	Dead           []Dead
	Unburied       []Numbers // dead letters that are deleted
	Buried         Buried    // before the change; Settle changes it

	balance References // the change of References
	buried  Buried     // those of receivers that change
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

// Writes returns the writes of a change.
func (c *Change) Writes() ([]ledger.Write, error) {
	var b batch
	c.number(&b, shards.Local)
	for key, s := range c.Alarms {
		putJSON(&b, c.Homes[key], ledger.Named(ledger.Alarm, key), s)
	}
	for at, v := range c.Views {
		putJSON(&b, c.Shards.OfPlace(at.Key), ledger.Named(ledger.Of(ledger.View, at.Receiver), at.Key), v)
	}
	for i := range c.Inhibit {
		w, err := c.Inhibit[i].Write()
		if b.err == nil {
			b.err = err
		}
		b.writes = append(b.writes, w)
	}
	c.writeRows(&b)
	c.writeDead(&b)
	if c.Windows != nil {
		putJSON(&b, shards.Local, ledger.Windows, c.Windows)
	}
	if c.Sent != nil {
		putJSON(&b, shards.Local, ledger.Sent, c.Sent)
	}
	for id, s := range c.Silences {
		putJSON(&b, c.Shards.Global(), ledger.Named(ledger.Silence, id), s)
	}
	if c.Shards != nil {
		c.numberAll(&b)
	}
	return b.writes, b.err
}

// number writes the last number, and the run time, in a shard.
func (c *Change) number(b *batch, shard string) {
	b.put(shard, ledger.Number, strconv.AppendUint(nil, c.Seq, 10))
	b.put(shard, ledger.Run, strconv.AppendFloat(nil, c.Run, 'g', -1, 64))
}

// numberAll does so in each shard of the cluster that the change writes to.
func (c *Change) numberAll(b *batch) {
	numbered := map[string]bool{shards.Local: true}
	for _, w := range b.writes {
		if !numbered[w.Shard] {
			numbered[w.Shard] = true
			c.number(b, w.Shard)
		}
	}
}

// Settle counts the references and the dead letters, after the commit.
func (c *Change) Settle() {
	for number, n := range c.balance {
		if c.References[number] += n; c.References[number] <= 0 {
			delete(c.References, number)
		}
	}
	maps.Copy(c.Buried, c.buried)
}

// batch collects writes.
type batch struct {
	writes []ledger.Write
	err    error // the first one
}

func (b *batch) put(shard, key string, text []byte) {
	b.writes = append(b.writes, ledger.Write{Shard: shard, Key: key, Value: text})
}

func (b *batch) delete(shard, key string) { b.put(shard, key, nil) }

// putJSON puts a value, or deletes the record if the value is nil.
func putJSON[T any](b *batch, shard, key string, value *T) {
	if value == nil {
		b.delete(shard, key)
		return
	}
	text, err := json.Marshal(value)
	if b.err == nil {
		b.err = err
	}
	b.put(shard, key, text)
}

// Entries are the keys of the journal's entries in the store, by the number of the last entry of each, in order.
type Entries []uint64

// Write returns the writes for entries of the journal, and for the removal of those up to the number stored, which are in
// the files of the journal. The entries of a commit are the lines of one record. Write returns their texts, and the
// entries that are stored then.
func (e Entries) Write(entries []journal.Event, stored uint64) (writes []ledger.Write, texts [][]byte, then Entries) {
	var b batch
	for then = e; len(then) > 0 && then[0] <= stored; then = then[1:] {
		b.delete(shards.Local, ledger.Numbered(ledger.Entry, then[0]))
	}
	if len(entries) == 0 {
		return b.writes, nil, then
	}
	var text []byte
	for i := range entries {
		start := len(text)
		text = entries[i].AppendLine(text)
		texts = append(texts, text[start:]) // append does not change these octets
	}
	last := entries[len(entries)-1].Seq
	b.put(shards.Local, ledger.Numbered(ledger.Entry, last), text)
	return b.writes, texts, append(then, last)
}
