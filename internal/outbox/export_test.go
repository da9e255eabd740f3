package outbox

import "encoding/binary"

// Depth is how many events wait for a receiver.
func (o *Outbox) Depth(receiver string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.queues.ByName[receiver].Len()
}

// numbered is a number as a key of the database.
func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
