package rules

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"go.etcd.io/bbolt"
)

// record is an alert that is pending or firing, as it is kept over a restart. It is not changed once made.
type record struct {
	ID              string        `json:"id"`   // of its alarm
	Rule            string        `json:"rule"` // UID
	Sample          labels.Labels `json:"sample"`
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	Value           number        `json:"value"` // the last while the condition was true
	Firing          bool          `json:"firing"`
	ActiveAt        time.Time     `json:"active_at"`
	FiredAt         time.Time     `json:"fired_at,omitzero"`
	KeepFiringSince time.Time     `json:"keep_firing_since,omitzero"`

	fresh bool // the annotations are of the rule as it is
}

// number is a value that may be infinite or none, which JSON cannot say.
type number float64

func (n number) String() string { return strconv.FormatFloat(float64(n), 'g', -1, 64) }

// MarshalText writes any value.
func (n number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *number) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	*n = number(f)
	return err
}

// differs tells whether an alert has gone on since it was recorded, in what is kept.
func (r *record) differs(a *rules.Alert) bool {
	return r.Firing != (a.State == rules.StateFiring) || !r.ActiveAt.Equal(a.ActiveAt) || !r.FiredAt.Equal(a.FiredAt) || !r.KeepFiringSince.Equal(a.KeepFiringSince)
}

// restore makes an alert of a rule what it was.
func (r *record) restore(a *rules.Alert, now time.Time, hold time.Duration) {
	a.ActiveAt, a.FiredAt, a.KeepFiringSince, a.ResolvedAt = r.ActiveAt, r.FiredAt, r.KeepFiringSince, time.Time{}
	a.State = rules.StatePending
	if r.Firing {
		a.State = rules.StateFiring
		if now.Sub(a.ActiveAt) < hold { // the rule wants longer than it did; what was told stays true
			a.ActiveAt = now.Add(-hold)
		}
	}
}

// The buckets and keys of the database.
var (
	rulesBucket = []byte("rules")      // alerts by the ID of their alarms
	aliveBucket = []byte("rules_meta") // aliveKey
	aliveKey    = []byte("alive")      // when state was last known to be true
)

// change is what becomes of an alert.
type change struct {
	bound *bound
	key   uint64
	old   *record // nil if it is new
	now   *record // nil if it is over
}

// storeChanges writes changes, which a transaction may do more than once.
func storeChanges(tx *bbolt.Tx, changes []change) error {
	b, err := tx.CreateBucketIfNotExists(rulesBucket)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.now == nil {
			err = b.Delete([]byte(c.old.ID))
		} else {
			var text []byte
			if text, err = json.Marshal(c.now); err == nil {
				err = b.Put([]byte(c.now.ID), text)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// storeAlive notes that up to now nothing was missed.
func storeAlive(tx *bbolt.Tx, now time.Time) error {
	b, err := tx.CreateBucketIfNotExists(aliveBucket)
	if err != nil {
		return err
	}
	text, err := now.MarshalText()
	if err != nil {
		return err
	}
	return b.Put(aliveKey, text)
}

// loadRecords reads what the last process left.
func loadRecords(tx *bbolt.Tx) (list []*record, alive time.Time, err error) {
	if b := tx.Bucket(aliveBucket); b != nil {
		if text := b.Get(aliveKey); text != nil {
			err = alive.UnmarshalText(text)
		}
	}
	b := tx.Bucket(rulesBucket)
	if b == nil || err != nil {
		return nil, alive, err
	}
	err = b.ForEach(func(id, text []byte) error {
		r := &record{}
		if err := json.Unmarshal(text, r); err != nil {
			return fmt.Errorf("alert %s: %w", id, err)
		}
		list = append(list, r)
		return nil
	})
	return list, alive, err
}
