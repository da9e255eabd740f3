package outbox

import (
	"encoding/binary"
	"encoding/json"
	"math"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// The buckets and keys of the database. outbox, views and dead contain one bucket for each receiver.
var (
	metaBucket   = []byte("meta")
	alarmsBucket = []byte("alarms") // by key
	viewsBucket  = []byte("views")  // by key of the place
	outboxBucket = []byte("outbox")
	deadBucket   = []byte("dead")
	seqKey       = []byte("seq")
	schemaKey    = []byte("schema")
	runKey       = []byte("run_seconds")
)

// store writes the plan to the database.
func (p *plan) store(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if err := meta.Put(seqKey, key(p.seq)); err != nil {
		return err
	}
	if err := meta.Put(runKey, key(math.Float64bits(seconds(p.run)))); err != nil {
		return err
	}
	for id, s := range p.alarms {
		if err := putJSON(tx.Bucket(alarmsBucket), []byte(id), s); err != nil {
			return err
		}
	}
	for at, v := range p.views {
		if err := storeView(tx, at, v); err != nil {
			return err
		}
	}
	if err := p.storeRows(tx.Bucket(outboxBucket)); err != nil {
		return err
	}
	for _, d := range p.dead {
		if err := d.store(tx.Bucket(deadBucket).Bucket([]byte(d.q.Name))); err != nil {
			return err
		}
	}
	return p.storeEntries(tx)
}

func storeView(tx *bbolt.Tx, at alarm.Place, v *alarm.View) error {
	views, name := tx.Bucket(viewsBucket), []byte(at.Receiver)
	b := views.Bucket(name)
	if b == nil {
		var err error
		if b, err = views.CreateBucket(name); err != nil {
			return err
		}
	}
	return putJSON(b, []byte(at.Key), v)
}

func (p *plan) storeRows(outbox *bbolt.Bucket) error {
	for _, r := range p.removed {
		if err := outbox.Bucket([]byte(r.q.Name)).Delete(key(r.r.Seq())); err != nil {
			return err
		}
	}
	for _, a := range p.added {
		if err := outbox.Bucket([]byte(a.q.Name)).Put(key(a.r.Seq()), statedir.Seal(key(a.r.Seq()), a.r.Text())); err != nil {
			return err
		}
	}
	for _, a := range p.absent {
		b, err := outbox.CreateBucketIfNotExists([]byte(a.receiver))
		if err == nil {
			err = b.Put(key(a.row.Seq()), statedir.Seal(key(a.row.Seq()), a.row.Text()))
		}
		if err != nil {
			return err
		}
	}
	return nil
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

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
