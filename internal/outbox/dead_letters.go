package outbox

import (
	"bytes"
	"encoding/json"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// DeadLetter is an event that was given up, and why.
type DeadLetter struct {
	alarm.Event
	Line string    `json:"line,omitempty"` // the key under which the receiver knows the alarm, where that is not its ID
	Why  string    `json:"why"`
	At   time.Time `json:"given_up_at"`

	key []byte // in the database
}

// maxDeadLetters is how many dead letters are kept for a receiver.
const maxDeadLetters = 1000

// deadRow is one on its way to the database.
type deadRow struct {
	q *queue
	r *row
	*DeadLetter
}

func (d *deadRow) store(b *bbolt.Bucket) error {
	if err := putJSON(b, key(d.r.seq), d.DeadLetter); err != nil {
		return err
	}
	if b.Stats().KeyN <= maxDeadLetters {
		return nil
	}
	oldest, _ := b.Cursor().First()
	return b.Delete(oldest)
}

// DeadLetters are the events that were given up for a receiver, the oldest first.
func (o *Outbox) DeadLetters(receiver string) (list []DeadLetter, err error) {
	err = o.state.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(deadBucket).Bucket([]byte(receiver))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, value []byte) error {
			text, err := statedir.Unseal(k, value)
			if err != nil {
				return err
			}
			d := DeadLetter{key: bytes.Clone(k)}
			if err := json.Unmarshal(text, &d); err != nil {
				return err
			}
			list = append(list, d)
			return nil
		})
	})
	return list, err
}
