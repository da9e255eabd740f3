package outbox

import (
	"cmp"
	"time"

	"trapline/internal/alarm"
)

// row is an event on its way to one receiver.
type row struct {
	seq  uint64 // its key in the database
	size int    // octets there
	alarm.Event
	Line  string  `json:"line,omitempty"`  // the key under which the receiver knows the alarm, where that is not its ID
	After uint64  `json:"after,omitempty"` // the row that must be gone before
	Run   float64 `json:"run"`             // when it was made, in run seconds

	seen     bool // it was sent, or may have been
	inFlight bool
	gone     bool
	locked   bool          // a transaction is about to remove it
	times    int           // how often it was delivered; after a restart that is not known
	tries    int           // messages that were sent of it, the same
	err      error         // of the last try
	missed   int           // deliveries that found no receiver
	next     time.Duration // not to be sent before
	began    time.Duration // of the last delivery

	heap  *rowHeap // in which it is, and where
	place int
}

// requestID is the same whenever the row is sent.
func (r *row) requestID() int32 { return int32(r.seq&(1<<30-1)) + 1 }

// alarmQueue is what the row is in line with: events about no alarm, with those of their kind.
func (r *row) queueKey() string { return cmp.Or(r.Line, r.Alarm.ID, string(r.Kind)) }

// update reports whether the row says no more than what the next event of its line says too.
func (r *row) update() bool { return r.Kind == alarm.Change || r.Repeat > 0 }

// classes is how many classes rows have, of which lower ones are sent first.
const classes = 5

// class is that of a row: 0 critical, resync; 1 major; 2 minor, clear; 3 warning, change; 4 repetition.
func (r *row) class() int {
	switch {
	case r.Kind == alarm.Resync:
		return 0
	case r.Repeat > 0:
		return 4
	case r.Kind != alarm.Raise && r.Kind != alarm.Change:
		return 2
	}
	n := classOf(r.Alarm.Severity)
	if r.Kind == alarm.Change && n > urgent {
		return 3
	}
	return n
}

// urgent is the last class for which a delivery slot is kept free.
const urgent = 1

func classOf(s alarm.Severity) int {
	switch s {
	case alarm.Critical:
		return 0
	case alarm.Major:
		return 1
	case alarm.Warning:
		return 3
	}
	return 2
}

// rowHeap is a heap of the first rows of lines, by when they may be sent or by age.
type rowHeap struct {
	list   []*row
	class  int
	byTime bool
}

// wait is how long it takes until the first of them may be sent, 0 without any.
func (h *rowHeap) wait(now time.Duration) time.Duration {
	if len(h.list) == 0 {
		return 0
	}
	return h.list[0].next - now
}

func (h *rowHeap) Len() int { return len(h.list) }

func (h *rowHeap) Less(i, j int) bool {
	if a, b := h.list[i], h.list[j]; h.byTime && a.next != b.next {
		return a.next < b.next
	}
	return h.list[i].seq < h.list[j].seq
}

func (h *rowHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].place, h.list[j].place = i, j
}

func (h *rowHeap) Push(x any) {
	r := x.(*row)
	r.heap, r.place = h, len(h.list)
	h.list = append(h.list, r)
}

func (h *rowHeap) Pop() any {
	r := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	r.heap = nil
	return r
}
