package store

import (
	"encoding/json"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// windowsKey has the names of the maintenance windows that the journal has as begun.
var windowsKey = []byte("maintenance")

// Windows returns the names of the maintenance windows that the journal has as begun. Damaged ones are begun anew.
func Windows(tx *bbolt.Tx) (names []string) {
	if text, err := statedir.Unseal(windowsKey, tx.Bucket(metaBucket).Get(windowsKey)); err == nil && json.Unmarshal(text, &names) == nil {
		return names
	}
	return nil
}

func writeWindows(tx *bbolt.Tx, names []string) error {
	text, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(windowsKey, statedir.Seal(windowsKey, text))
}
