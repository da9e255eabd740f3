package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// Merge is an alarm of form 1 that was merged into another one.
type Merge struct {
	Alarm, Into *alarm.Alarm
	Receivers   []string // that know the alarm
}

// Converter converts databases of earlier forms.
type Converter struct {
	Reader   *Reader
	Now      time.Time
	Key      func(*alarm.Alarm) string         // the key of an alarm
	Receiver func(name string) *alarm.Receiver // nil if it is not configured
	Lease    float64                           // of conditions that have one, in run seconds
}

// Convert converts a database to form Version. It sends nothing: alarms keep the ID that receivers know. If two alarms of
// form 1 become one, the more severe one keeps its ID. Convert returns the others: receivers that identify alarms by ID
// must be sent their clear.
func (c *Converter) Convert() (merged []Merge, err error) {
	err = c.Reader.Dir.Update(func(tx *bbolt.Tx) error {
		merged, err = c.convert(tx)
		return errors.Join(err, begin(tx))
	})
	return merged, err
}

func (c *Converter) convert(tx *bbolt.Tx) (merged []Merge, err error) {
	found := form(tx)
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err == nil && found < Version {
		err = meta.Put(formKey, numbered(Version))
	}
	if err != nil || tx.Bucket(alarmsBucket) == nil {
		return nil, err
	}
	if found == 1 {
		merged, err = c.convertFirst(tx)
	}
	if err == nil && (found == 1 || found == 2) {
		err = convertSecond(tx)
	}
	return merged, err
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

// secondRow is a row in form 2.
type secondRow struct {
	alarm.Event
	Line  string  `json:"line,omitempty"`
	After uint64  `json:"after,omitempty"`
	Run   float64 `json:"run"`
}

// convertSecond converts a database from form 2 to form 3: events that several rows have are stored once. Rows that cannot
// be read stay as they are: Queue puts them aside.
func convertSecond(tx *bbolt.Tx) error {
	outbox := tx.Bucket(outboxBucket)
	if outbox == nil {
		return nil
	}
	events, err := tx.CreateBucketIfNotExists(eventsBucket)
	if err != nil {
		return err
	}
	names, err := below(outbox)
	numbers := map[[sha256.Size]byte]uint64{} // by event
	for _, name := range names {
		b, changed := outbox.Bucket([]byte(name)), map[string]*RowRecord{}
		err = errors.Join(err, b.ForEach(func(k, value []byte) error {
			r := &secondRow{}
			if text, err := statedir.Unseal(k, value); err != nil || json.Unmarshal(text, r) != nil || len(k) != 8 {
				return nil
			}
			text, err := json.Marshal(&r.Event)
			number, known := numbers[sha256.Sum256(text)]
			if !known {
				number = binary.BigEndian.Uint64(k)
				numbers[sha256.Sum256(text)] = number
				err = errors.Join(err, events.Put(k, statedir.Seal(k, text)))
			}
			changed[string(k)] = &RowRecord{Event: number, Line: r.Line, After: r.After, Run: r.Run}
			return err
		}))
		for k, r := range changed {
			err = errors.Join(err, store(b, []byte(k), r))
		}
	}
	return err
}
