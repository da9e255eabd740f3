package outbox

import (
	"cmp"
	"time"

	"trapline/internal/alarm"
)

// row is an event that is queued for one receiver.
type row struct {
	seq  uint64 // its key in the database
	size int    // its octets in the database
	alarm.Event
	Line  string  `json:"line,omitempty"`  // the key by which the receiver identifies the alarm, if it is not the ID
	After uint64  `json:"after,omitempty"` // the row that must be gone before
	Run   float64 `json:"run"`             // creation time in run seconds

	seen     bool // it was sent, or may have been
	inFlight bool
	gone     bool
	locked   bool          // a transaction is about to remove it
	times    int           // deliveries since the start of the process
	tries    int           // messages sent since the start of the process
	err      error         // of the last try
	missed   int           // deliveries that did not reach the receiver
	next     time.Duration // not to be sent before
	began    time.Duration // start of the last delivery

	heap  *rowHeap // the heap that contains it, and its index there
	place int
}

// requestID returns the request-id of the row, the same each time it is sent.
func (r *row) requestID() int32 { return int32(r.seq&(1<<30-1)) + 1 }

// queueKey returns the key of the row's alarm queue. Events about no alarm are queued by kind.
func (r *row) queueKey() string { return cmp.Or(r.Line, r.Alarm.ID, string(r.Kind)) }

// update reports whether the next event of the alarm queue includes all information of the row.
func (r *row) update() bool { return r.Kind == alarm.Change || r.Repeat > 0 }

// classes is the number of classes of rows. Lower classes are sent first.
const classes = 5

// class returns the class of a row: 0 critical, resync; 1 major; 2 minor, clear; 3 warning, change; 4 repetition.
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

// urgent is the last class for which a delivery slot is reserved.
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

// rowHeap is a heap of the first rows of alarm queues, by the time when they may be sent or by age.
type rowHeap struct {
	list   []*row
	class  int
	byTime bool
}

// wait returns the time until the first row may be sent, or 0 if the heap is empty.
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
