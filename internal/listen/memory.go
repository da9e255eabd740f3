package listen

import (
	"time"

	"trapline/internal/relay"
)

const (
	// trapWindow is how long the same trap of a device is one that was duplicated on the way.
	trapWindow = 10 * time.Second
	// informWindow is how long an inform may be sent again.
	informWindow = 5 * time.Minute
	// maxOnce bounds the notifications of each generation that all workers remember.
	maxOnce = 100_000
)

// memory is which notifications were taken lately.
type memory struct {
	traps, informs *once     // by hash
	handed         *once     // by other members of a cluster, by ID
	sequence       *sequence // nil without a cluster
}

// newMemory returns one of each of so many workers.
func newMemory(of int) *memory {
	return &memory{traps: newOnce(trapWindow, maxOnce/of), informs: newOnce(informWindow, maxOnce/of), handed: newOnce(informWindow, maxOnce/of)}
}

// newSharedMemory returns that of a member of a cluster, which all workers share: a device may have several addresses.
func newSharedMemory() *memory {
	m := newMemory(1)
	m.traps.times.kept = relay.TrapTime // another member may have received a copy, and kept it so long
	m.sequence = newSequence(maxOnce)
	return m
}
