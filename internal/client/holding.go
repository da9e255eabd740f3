package client

import (
	"errors"
	"sync/atomic"

	"trapline/internal/mux"
)

// Answers are held until their poll has ended. A device may send without end, so the octets that one
// pass and all passes together may hold is bounded in octets. A column that takes most of the rest
// has to go, with all its rows: tables of common sizes beside it lose nothing.

const (
	// DefaultMaxBytes bounds the octets of answers that one Poll may hold: about two columns of a million
	// rows.
	DefaultMaxBytes = 64 << 20
	// DefaultMaxTotalBytes bounds those of all Polls of a Client together.
	DefaultMaxTotalBytes = 64 << 20
	// freeBytes is how much a column may hold in any case.
	freeBytes = 64 << 10
)

var errTooManyBytes = errors.New("the answers are larger than max_bytes or global.max_total_bytes allow")

// total counts the octets that all Polls of a Client hold.
type total struct {
	max     atomic.Int64
	held    atomic.Int64
	metrics *mux.Metrics
}

func (t *total) add(n int64) int64 {
	t.metrics.Holding(n)
	return t.held.Add(n)
}

// holding counts the octets that one Poll holds.
type holding struct {
	total *total
	max   int64
	held  atomic.Int64
}

// add notes that a column, of which part is held, got n octets more. It reports whether they may be held.
// The column may have three quarters of the octets that others leave.
func (h *holding) add(part *int64, n int) bool {
	*part += int64(n)
	own, all := h.held.Add(int64(n)), h.total.add(int64(n))
	left := h.max - (own - *part)
	if *part <= freeBytes {
		return left > 0
	}
	left = min(left, h.total.max.Load()-(all-*part))
	return *part <= left/4*3
}

// release subtracts the octets of a column.
func (h *holding) release(part *int64) {
	h.held.Add(-*part)
	h.total.add(-*part)
	*part = 0
}

// close subtracts the octets of the Poll.
func (h *holding) close() {
	h.total.add(-h.held.Swap(0))
}
