package store

import (
	"encoding/json"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// sentKey has the rows that may have been sent, as an orderly end of the process leaves it.
var sentKey = []byte("sent")

// maxSent is the maximum number of rows in the record: of more nothing is known at the next start.
const maxSent = 100_000

type sentRecord struct {
	Boots int32               `json:"boots"` // of the process: a version that ignores the record may have run since
	Rows  map[string][]uint64 `json:"rows"`  // by receiver; of those that are not named nothing is known
}

// WriteSent stores which rows a process may have sent, at its end.
func WriteSent(tx *bbolt.Tx, boots int32, rows map[string][]uint64) error {
	n := 0
	for _, list := range rows {
		n += len(list)
	}
	if n > maxSent {
		return nil
	}
	text, err := json.Marshal(&sentRecord{boots, rows})
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(sentKey, statedir.Seal(sentKey, text))
}

// TakeSent removes the record of the process before this one, and returns the rows that it may have sent, by receiver. They
// are nil if that is unknown: it did not come to an orderly end, or the receiver was not configured then.
func TakeSent(tx *bbolt.Tx, boots int32) (rows map[string]map[uint64]bool, err error) {
	meta := tx.Bucket(metaBucket)
	var found sentRecord
	text, err := statedir.Unseal(sentKey, meta.Get(sentKey))
	if err == nil && json.Unmarshal(text, &found) == nil && found.Boots == boots-1 {
		rows = map[string]map[uint64]bool{}
		for receiver, list := range found.Rows {
			rows[receiver] = map[uint64]bool{}
			for _, seq := range list {
				rows[receiver][seq] = true
			}
		}
	}
	return rows, meta.Delete(sentKey)
}
