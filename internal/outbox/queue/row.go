package queue

import (
	"cmp"
	"time"

	"trapline/internal/alarm"
)

// Row is an event that is queued for one receiver.
type Row struct {
	alarm.Event
	Line     string  // the key by which the receiver identifies the alarm, if it is not the ID
	After    uint64  // the row that must be gone before
	Ends     string  // of a clear that waits for another row: the ID of the event that it ends
	Run      float64 // creation time in run seconds
	Known    bool    // the receiver may or may not have the alarm by an earlier event
	EventSeq uint64  // the number of its event in the database, to which rows of several receivers refer
	Shard    string  // of the cluster that has it; empty: it stays with the process
	Request  int32   // its request-id if that does not follow from the number, because it had another number; else 0

	seq      uint64 // its key in the database
	size     int    // its octets in the database, those of its event included
	seen     bool   // it was sent, or may have been
	first    bool   // nothing was sent of it before the last delivery
	held     bool   // a delivery kept it back
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

// Stamp sets the number, the creation time in run seconds, and the size.
func (r *Row) Stamp(seq uint64, run float64, size int) { r.seq, r.Run, r.size = seq, run, size }

// created returns the creation time in run time.
func (r *Row) created() time.Duration { return time.Duration(r.Run * float64(time.Second)) }

// Seq returns the number of the row, which is its key in the database.
func (r *Row) Seq() uint64 { return r.seq }

// Size returns the octets of the row in the database, those of its event included.
func (r *Row) Size() int { return r.size }

// Seen reports whether the row was sent, or may have been, or the receiver may have its alarm by an earlier event.
func (r *Row) Seen() bool { return r.seen || r.Known }

// First reports whether the delivery in flight is the first one that may send the row. It is not if one was kept back.
func (r *Row) First() bool { return r.first && !r.held }

// Gone reports whether the row was removed.
func (r *Row) Gone() bool { return r.gone }

// InFlight reports whether the row is being delivered.
func (r *Row) InFlight() bool { return r.inFlight }

// Times returns the number of deliveries since the start of the process.
func (r *Row) Times() int { return r.times }

// Tries returns the number of messages sent since the start of the process.
func (r *Row) Tries() int { return r.tries }

// Err returns the error of the last try.
func (r *Row) Err() error { return r.err }

// ByAge compares rows by age.
func ByAge(a, b *Row) int { return cmp.Compare(a.seq, b.seq) }

// RequestID returns the request-id of the row, the same each time it is sent.
func (r *Row) RequestID() int32 { return cmp.Or(r.Request, RequestID(r.seq)) }

// RequestID returns the request-id that follows from the number of a row.
func RequestID(number uint64) int32 { return int32(number&(1<<30-1)) + 1 }

// QueueKey returns the key of the row's alarm queue. Events about no alarm are queued by kind.
func (r *Row) QueueKey() string { return cmp.Or(r.Line, r.Alarm.ID, string(r.Kind)) }

// Update reports whether the next event of the alarm queue includes all information of the row.
func (r *Row) Update() bool { return r.Kind == alarm.Change || r.Repeat > 0 }

// Says reports whether the row says that the alarm is active, or that it is not, whatever the receiver was sent before.
func (r *Row) Says() bool { return r.Kind == alarm.Clear || r.Kind == alarm.Raise && r.Repeat == 0 }

// classes is the number of classes of rows. Lower classes are sent first.
const classes = 5

// class returns the class of a row: 0 critical, resync; 1 major, acknowledgement; 2 minor, clear; 3 warning, change; 4 repetition, forwarded trap.
func (r *Row) class() int {
	switch {
	case r.Kind == alarm.Resync:
		return 0
	case r.Kind == alarm.Acked:
		return Urgent
	case r.Repeat > 0 || r.Kind == alarm.Forward:
		return 4
	case r.Kind != alarm.Raise && r.Kind != alarm.Change:
		return 2
	}
	n := ClassOf(r.Alarm.Severity)
	if r.Kind == alarm.Change && n > Urgent {
		return 3
	}
	return n
}

// Urgent is the last class for which a delivery slot is reserved.
const Urgent = 1

// ClassOf returns the class of the raise of an alarm with a severity.
func ClassOf(s alarm.Severity) int {
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
