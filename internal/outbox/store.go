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
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/schema"
	"trapline/internal/statedir"
)

// The buckets and keys of the database. outbox, views and dead contain one bucket for each receiver.
var (
	alarmsBucket   = []byte("alarms") // by key
	viewsBucket    = []byte("views")  // by key of the place
	outboxBucket   = []byte("outbox")
	silencesBucket = []byte("silences") // by ID; why an alarm is muted is not stored, but computed from them
	deadBucket     = []byte("dead")
	seqKey         = []byte("seq")
	runKey         = []byte("run_seconds")
)

// load reads the database into memory, and creates missing buckets.
func (st *state) load(tx *bbolt.Tx) error {
	for _, name := range [][]byte{schema.MetaBucket, alarmsBucket, viewsBucket, outboxBucket, deadBucket, journalBucket, silencesBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	st.loadMeta(tx.Bucket(schema.MetaBucket))
	if err := st.loadEntries(tx); err != nil {
		return err
	}
	if err := st.loadSilences(tx); err != nil {
		return err
	}
	err := st.readRows(tx, "alarms", tx.Bucket(alarmsBucket), func(id, text []byte) error {
		s := &alarm.State{}
		if err := json.Unmarshal(text, s); err != nil {
			return err
		}
		if len(s.Conditions) == 0 || s.ID == "" || slices.Contains(slices.Collect(maps.Values(s.In)), "") {
			return errors.New("an alarm without an ID, a condition or a key")
		}
		st.put(string(id), s)
		return nil
	})
	if err != nil {
		return err
	}
	if err := st.loadViews(tx); err != nil {
		return err
	}
	err = tx.Bucket(outboxBucket).ForEachBucket(func(name []byte) error {
		if last, _ := tx.Bucket(outboxBucket).Bucket(name).Cursor().Last(); len(last) == 8 { // seqKey may be damaged
			st.seq = max(st.seq, binary.BigEndian.Uint64(last))
		}
		if st.byName[string(name)] == nil {
			st.warnOfOrphan(string(name), tx.Bucket(outboxBucket).Bucket(name).Stats().KeyN)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, q := range st.queues {
		if err := st.loadQueue(tx, q); err != nil {
			return err
		}
	}
	return nil
}

// loadSilences reads the silences.
func (st *state) loadSilences(tx *bbolt.Tx) error {
	all := map[string]*mute.Silence{}
	err := st.readRows(tx, "silences", tx.Bucket(silencesBucket), func(id, text []byte) error {
		s := &mute.Silence{}
		if err := json.Unmarshal(text, s); err != nil {
			return err
		}
		if s.ID != string(id) || len(s.Matchers) == 0 || slices.Contains(s.Matchers, nil) {
			return errors.New("a silence without its ID or without matchers")
		}
		all[s.ID] = s
		return nil
	})
	st.mutes = mute.NewSet(all, st.options.Mutes)
	return err
}

func (st *state) loadMeta(meta *bbolt.Bucket) {
	if b := meta.Get(seqKey); len(b) == 8 {
		st.seq = binary.BigEndian.Uint64(b)
	}
	if b := meta.Get(runKey); len(b) == 8 {
		if s := math.Float64frombits(binary.BigEndian.Uint64(b)); s >= 0 && s < math.MaxInt32 {
			st.clock.base = fromSeconds(s)
		}
	}
}

// loadViews reads the views. A view without an active alarm is kept only if its clear was given up.
func (st *state) loadViews(tx *bbolt.Tx) error {
	var names [][]byte
	err := tx.Bucket(viewsBucket).ForEachBucket(func(name []byte) error {
		names = append(names, bytes.Clone(name))
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		err := st.readRows(tx, "views/"+string(name), tx.Bucket(viewsBucket).Bucket(name), func(k, text []byte) error {
			v := &alarm.View{}
			if err := json.Unmarshal(text, v); err != nil {
				return err
			}
			if at := (alarm.Place{Receiver: string(name), Key: string(k)}); len(st.members[at]) > 0 || v.Lost != nil {
				st.putView(at, v)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loadQueue reads the rows of a receiver.
func (st *state) loadQueue(tx *bbolt.Tx, q *queue.Queue) error {
	dead, err := tx.Bucket(deadBucket).CreateBucketIfNotExists([]byte(q.Name))
	if err != nil {
		return err
	}
	err = st.readRows(tx, "dead/"+q.Name, dead, func(_, text []byte) error { return json.Unmarshal(text, &DeadLetter{}) })
	if err != nil {
		return err
	}
	rows, err := tx.Bucket(outboxBucket).CreateBucketIfNotExists([]byte(q.Name))
	if err != nil {
		return err
	}
	err = st.readRows(tx, "outbox/"+q.Name, rows, func(k, text []byte) error {
		r, err := queue.ParseRow(k, text)
		if err != nil {
			return err
		}
		q.Push(r)
		return nil
	})
	q.MarkSeen()
	return err
}

// readRows calls read for each row of a bucket. Rows for which read returns an error are put aside and reported.
func (st *state) readRows(tx *bbolt.Tx, name string, b *bbolt.Bucket, read func(k, text []byte) error) error {
	bad := statedir.Unreadable(b, name, read)
	if len(bad) == 0 {
		return nil
	}
	if err := statedir.PutAside(tx, b, bad); err != nil {
		return err
	}
	st.damaged += len(bad)
	for _, d := range bad {
		st.dir.Report(d)
	}
	st.dir.LogDamage(st.logger)
	return nil
}

// store writes the plan to the database.
func (p *plan) store(tx *bbolt.Tx) error {
	meta := tx.Bucket(schema.MetaBucket)
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
	for id, s := range p.silences {
		if err := putJSON(tx.Bucket(silencesBucket), []byte(id), s); err != nil {
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
