package store

import "encoding/json"

// maxSent is the maximum number of rows in the record: of more nothing is known at the next start.
const maxSent = 100_000

// Sent are the rows that a process may have sent, as its orderly end leaves them.
type Sent struct {
	Boots int32               `json:"boots"` // of the process: a version that ignores the record may have run since
	Rows  map[string][]uint64 `json:"rows"`  // by receiver; of those that are not named nothing is known
}

// Bounded returns nil if there are too many rows to be stored.
func (s *Sent) Bounded() *Sent {
	n := 0
	for _, list := range s.Rows {
		n += len(list)
	}
	if n > maxSent {
		return nil
	}
	return s
}

// readSent returns the rows that the process before the one with boots may have sent, by receiver. They are nil if that is
// unknown: it did not come to an orderly end, or the receiver was not configured then.
func readSent(text []byte, boots int32) (rows map[string]map[uint64]bool) {
	var found Sent
	if json.Unmarshal(text, &found) != nil || found.Boots != boots-1 {
		return nil
	}
	rows = map[string]map[uint64]bool{}
	for receiver, list := range found.Rows {
		rows[receiver] = map[uint64]bool{}
		for _, seq := range list {
			rows[receiver][seq] = true
		}
	}
	return rows
}
