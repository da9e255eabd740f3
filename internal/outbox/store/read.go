package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/statedir"
)

// Reader reads the records at the start. Those that cannot be read are put aside and reported.
type Reader struct {
	Dir     *statedir.Dir
	Logger  *slog.Logger
	Damaged int // records that could not be read so far
}

// rows calls read for each record of a bucket. Those for which read returns an error are put aside.
func (r *Reader) rows(tx *bbolt.Tx, name string, b *bbolt.Bucket, read func(k, text []byte) error) error {
	bad := statedir.Unreadable(b, name, read)
	if len(bad) == 0 {
		return nil
	}
	if err := statedir.PutAside(tx, b, bad); err != nil {
		return err
	}
	r.Damaged += len(bad)
	for _, d := range bad {
		r.Dir.Report(d)
	}
	r.Dir.LogDamage(r.Logger)
	return nil
}

// Begin creates missing buckets. It returns the last number of a row or an event, and the run time in seconds.
func Begin(tx *bbolt.Tx) (seq uint64, run float64, err error) {
	for _, name := range [][]byte{metaBucket, alarmsBucket, viewsBucket, eventsBucket, outboxBucket, deadBucket, journalBucket, silencesBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return 0, 0, err
		}
	}
	meta := tx.Bucket(metaBucket)
	if b := meta.Get(seqKey); len(b) == 8 {
		seq = binary.BigEndian.Uint64(b)
	}
	if b := meta.Get(runKey); len(b) == 8 {
		if s := math.Float64frombits(binary.BigEndian.Uint64(b)); s >= 0 && s < math.MaxInt32 {
			run = s
		}
	}
	return seq, run, nil
}

// Alarms reads the active alarms by key.
func (r *Reader) Alarms(tx *bbolt.Tx, put func(key string, s *alarm.State)) error {
	return r.rows(tx, "alarms", tx.Bucket(alarmsBucket), func(id, text []byte) error {
		s := &alarm.State{}
		if err := json.Unmarshal(text, s); err != nil {
			return err
		}
		if len(s.Conditions) == 0 || s.ID == "" || slices.Contains(slices.Collect(maps.Values(s.In)), "") {
			return errors.New("an alarm without an ID, a condition or a key")
		}
		put(string(id), s)
		return nil
	})
}

// Views reads the views of all receivers.
func (r *Reader) Views(tx *bbolt.Tx, put func(at alarm.Place, v *alarm.View)) error {
	names, err := below(tx.Bucket(viewsBucket))
	for _, name := range names {
		err = errors.Join(err, r.rows(tx, "views/"+name, tx.Bucket(viewsBucket).Bucket([]byte(name)), func(k, text []byte) error {
			v := &alarm.View{}
			if err := json.Unmarshal(text, v); err != nil {
				return err
			}
			put(alarm.Place{Receiver: name, Key: string(k)}, v)
			return nil
		}))
	}
	return err
}

// below returns the names of the buckets in a bucket.
func below(b *bbolt.Bucket) (names []string, err error) {
	err = b.ForEachBucket(func(name []byte) error {
		names = append(names, string(name))
		return nil
	})
	return names, err
}

// Silences reads the silences by ID.
func (r *Reader) Silences(tx *bbolt.Tx) (map[string]*mute.Silence, error) {
	all := map[string]*mute.Silence{}
	err := r.rows(tx, "silences", tx.Bucket(silencesBucket), func(id, text []byte) error {
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
	return all, err
}

// Entries reads the entries of the journal after a number.
func (r *Reader) Entries(tx *bbolt.Tx, last uint64) (list []journal.Event, err error) {
	err = r.rows(tx, "journal", tx.Bucket(journalBucket), func(k, text []byte) error {
		var e journal.Event
		for line := range bytes.Lines(text) {
			e = journal.Event{}
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			if e.Seq > last {
				list = append(list, e)
			}
		}
		if len(k) != 8 || binary.BigEndian.Uint64(k) != e.Seq {
			return fmt.Errorf("it has the number %d", e.Seq)
		}
		return nil
	})
	return list, err
}
