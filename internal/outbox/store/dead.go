package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// DeadLetter is an event that was given up, with the reason.
type DeadLetter struct {
	alarm.Event
	Line string    `json:"line,omitempty"` // the key by which the receiver identifies the alarm, if it is not the ID
	Why  string    `json:"why"`
	At   time.Time `json:"given_up_at"`

	number uint64
}

// maxDeadLetters is the maximum number of dead letters of a receiver.
const maxDeadLetters = 1000

func (d *Dead) write(b *bbolt.Bucket) error {
	if err := putJSON(b, numbered(d.Number), d.Letter); err != nil {
		return err
	}
	if b.Stats().KeyN <= maxDeadLetters {
		return nil
	}
	oldest, _ := b.Cursor().First()
	return b.Delete(oldest)
}

// DeadLetters returns the dead letters of a receiver, the oldest first.
func DeadLetters(tx *bbolt.Tx, receiver string) (list []DeadLetter, err error) {
	b := tx.Bucket(deadBucket).Bucket([]byte(receiver))
	if b == nil {
		return nil, nil
	}
	err = b.ForEach(func(k, value []byte) error {
		text, err := statedir.Unseal(k, value)
		if err != nil {
			return err
		}
		d := DeadLetter{}
		if len(k) == 8 {
			d.number = binary.BigEndian.Uint64(k)
		}
		if err := json.Unmarshal(text, &d); err != nil {
			return err
		}
		list = append(list, d)
		return nil
	})
	return list, err
}

// CountDead returns the number of dead letters of a receiver.
func CountDead(tx *bbolt.Tx, receiver string) int {
	if b := tx.Bucket(deadBucket).Bucket([]byte(receiver)); b != nil {
		return b.Stats().KeyN
	}
	return 0
}

// DeleteDead deletes dead letters of a receiver.
func DeleteDead(tx *bbolt.Tx, receiver string, list []DeadLetter) (err error) {
	for i := range list {
		err = errors.Join(err, tx.Bucket(deadBucket).Bucket([]byte(receiver)).Delete(numbered(list[i].number)))
	}
	return err
}

// DropDead deletes all dead letters of a receiver.
func DropDead(tx *bbolt.Tx, receiver string) error {
	if err := tx.Bucket(deadBucket).DeleteBucket([]byte(receiver)); err != nil {
		return err
	}
	_, err := tx.Bucket(deadBucket).CreateBucket([]byte(receiver))
	return err
}
