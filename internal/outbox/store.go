package outbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// The buckets of the database. outbox, views and dead have one for each receiver below them.
var (
	metaBucket   = []byte("meta")
	alarmsBucket = []byte("alarms") // by key
	viewsBucket  = []byte("views")  // by line
	outboxBucket = []byte("outbox")
	deadBucket   = []byte("dead")
	seqKey       = []byte("seq")
	schemaKey    = []byte("schema")
	runKey       = []byte("run_seconds")
)

// store writes all that the plan says.
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
		if err := d.store(tx.Bucket(deadBucket).Bucket([]byte(d.q.name))); err != nil {
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
		if err := outbox.Bucket([]byte(r.q.name)).Delete(key(r.r.seq)); err != nil {
			return err
		}
	}
	for _, a := range p.added {
		if err := outbox.Bucket([]byte(a.q.name)).Put(key(a.r.seq), statedir.Seal(key(a.r.seq), a.r.text())); err != nil {
			return err
		}
	}
	for _, a := range p.absent {
		b, err := outbox.CreateBucketIfNotExists([]byte(a.receiver))
		if err == nil {
			err = b.Put(key(a.seq), statedir.Seal(key(a.seq), a.text()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putJSON stores a value, or deletes the key of one that is nil.
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

// text is the row in the database.
func (r *row) text() []byte {
	text, _ := json.Marshal(r) // which has nothing in it that could fail
	return text
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// load reads the database into memory, and makes the buckets that are missing.
func (o *Outbox) load(tx *bbolt.Tx) error {
	for _, name := range [][]byte{metaBucket, alarmsBucket, viewsBucket, outboxBucket, deadBucket, journalBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	o.loadMeta(tx.Bucket(metaBucket))
	if err := o.loadEntries(tx); err != nil {
		return err
	}
	err := o.readRows(tx, "alarms", tx.Bucket(alarmsBucket), func(id, text []byte) error {
		s := &alarm.State{}
		if err := json.Unmarshal(text, s); err != nil {
			return err
		}
		if len(s.Conditions) == 0 || s.ID == "" || slices.Contains(slices.Collect(maps.Values(s.In)), "") {
			return errors.New("an alarm without an ID, a condition or a key")
		}
		o.put(string(id), s)
		return nil
	})
	if err != nil {
		return err
	}
	if err := o.loadViews(tx); err != nil {
		return err
	}
	err = tx.Bucket(outboxBucket).ForEachBucket(func(name []byte) error {
		if last, _ := tx.Bucket(outboxBucket).Bucket(name).Cursor().Last(); len(last) == 8 { // seqKey may be damaged
			o.seq = max(o.seq, binary.BigEndian.Uint64(last))
		}
		if o.byName[string(name)] == nil {
			o.warnOfOrphan(string(name), tx.Bucket(outboxBucket).Bucket(name).Stats().KeyN)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range o.queues {
		if err := o.loadQueue(tx, q); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) loadMeta(meta *bbolt.Bucket) {
	if b := meta.Get(seqKey); len(b) == 8 {
		o.seq = binary.BigEndian.Uint64(b)
	}
	if b := meta.Get(runKey); len(b) == 8 {
		if s := math.Float64frombits(binary.BigEndian.Uint64(b)); s >= 0 && s < math.MaxInt32 {
			o.clock.base = fromSeconds(s)
		}
	}
}

// loadViews reads what receivers know. Of alarms that are not active, all that remains to be known is a clear that
// was given up.
func (o *Outbox) loadViews(tx *bbolt.Tx) error {
	var names [][]byte
	err := tx.Bucket(viewsBucket).ForEachBucket(func(name []byte) error {
		names = append(names, bytes.Clone(name))
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		err := o.readRows(tx, "views/"+string(name), tx.Bucket(viewsBucket).Bucket(name), func(k, text []byte) error {
			v := &alarm.View{}
			if err := json.Unmarshal(text, v); err != nil {
				return err
			}
			if at := (alarm.Place{Receiver: string(name), Key: string(k)}); len(o.members[at]) > 0 || v.Lost != nil {
				o.putView(at, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// put has an alarm in memory, or no more.
func (o *Outbox) put(key string, s *alarm.State) {
	if old := o.active[key]; old != nil {
		o.size -= old.Size()
		for i := range old.Conditions {
			delete(o.sources, old.Conditions[i].Source)
		}
		for receiver, k := range old.In {
			at := alarm.Place{Receiver: receiver, Key: k}
			if delete(o.members[at], key); len(o.members[at]) == 0 {
				delete(o.members, at)
			}
		}
	}
	if s == nil {
		delete(o.active, key)
		return
	}
	o.active[key] = s
	o.size += s.Size()
	for i := range s.Conditions {
		o.sources[s.Conditions[i].Source] = key
	}
	for receiver, k := range s.In {
		at := alarm.Place{Receiver: receiver, Key: k}
		if o.members[at] == nil {
			o.members[at] = map[string]bool{}
		}
		o.members[at][key] = true
	}
}

// putView has in memory what a receiver knows.
func (o *Outbox) putView(at alarm.Place, v *alarm.View) {
	if delete(o.unknown, at); v == nil {
		delete(o.views, at)
		return
	}
	if o.views[at] = v; v.Unknown {
		o.unknown[at] = true
	}
}
