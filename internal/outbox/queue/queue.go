// Package queue holds the notifications that wait for one receiver, and decides which is sent next and when: in order
// within an alarm queue, urgent alarms first, at the receiver's rate, and with pauses after failures. It does no I/O.
package queue

import (
	"container/heap"
	"iter"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// Queue holds the rows of one receiver. The rows of an alarm queue are delivered in order, one at a time. It is not safe
// for concurrent use, except for Name and Wake, which are immutable. A reload replaces the route as a whole: a delivery
// keeps the route that it began with.
type Queue struct {
	Name     string
	Wake     chan struct{}   // receives a value when Take may return another row
	Route    *Route          // set by SetRoute
	Receiver *alarm.Receiver // made from Route
	Tally    Tally

	rows     map[string][]*Row // by alarm queue, oldest first
	index    map[uint64]*Row   // all of them, by number
	awaited  map[uint64]int    // the number of rows that wait for a row, by its number
	blocked  map[uint64][]*Row // first rows of alarm queues, by the number of the row that must be gone before
	count    int
	bytes    int                      // sum of all sizes
	waiting  rowHeap                  // first rows of alarm queues that may not be sent yet, by the time when they may
	ready    [classes]rowHeap         // the others, by the class of their alarm queue
	lastSent map[string]time.Duration // by alarm queue, for flapTime
	inFlight int
	taken    int           // deliveries so far
	pace     time.Duration // earliest time of the next delivery
	stop     func()        // ends its deliveries at once; nil before there are any
	ended    chan struct{} // closed when they have ended

	failures int           // consecutive deliveries that did not reach the receiver
	failed   time.Duration // when the last of them ended
	retryAt  time.Duration // while there are failures, the earliest time of the next delivery
	failure  Failure
	alive    time.Duration // the last heartbeat
	beaten   bool          // there was one
	answered bool          // it has answered since the last AnswersRead

	silent bool            // see SetSilent
	held   map[string]bool // see Hold; nil before the first
}

// Failure describes consecutive deliveries that did not reach the receiver.
type Failure struct {
	Err   error     // of the last one
	Tries int       // messages of the last one
	Since time.Time // end of the first one
}

// New returns an empty queue.
func New(route *Route, receiver *alarm.Receiver) *Queue {
	q := &Queue{
		Name: route.Name, Route: route, Receiver: receiver, Wake: make(chan struct{}, 1),
		rows: map[string][]*Row{}, index: map[uint64]*Row{}, awaited: map[uint64]int{}, blocked: map[uint64][]*Row{},
		waiting: rowHeap{byTime: true}, lastSent: map[string]time.Duration{},
	}
	for i := range q.ready {
		q.ready[i].class = i
	}
	return q
}

// flapTime is the minimum time between notifications of one alarm queue (RFC 3877 section 4.1.1). Meanwhile new events
// replace queued ones, so that the last state is sent.
const flapTime = 2 * time.Second

// Len returns the number of rows.
func (q *Queue) Len() int { return q.count }

// Size returns the sum of the sizes of all rows, in octets.
func (q *Queue) Size() int { return q.bytes }

// InFlight returns the number of deliveries in flight.
func (q *Queue) InFlight() int { return q.inFlight }

// AlarmQueue returns the rows of an alarm queue, the oldest first. The caller must not change the slice.
func (q *Queue) AlarmQueue(id string) []*Row { return q.rows[id] }

// Firsts returns the first row of each alarm queue, in any order.
func (q *Queue) Firsts() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for _, rows := range q.rows {
			if !yield(rows[0]) {
				return
			}
		}
	}
}

// Rows returns all rows, the oldest first.
func (q *Queue) Rows() []*Row {
	return slices.SortedFunc(maps.Values(q.index), ByAge)
}

// Awaited returns the number of rows that wait until the row with a number is gone.
func (q *Queue) Awaited(seq uint64) int { return q.awaited[seq] }

func (q *Queue) signal() {
	select {
	case q.Wake <- struct{}{}:
	default:
	}
}

// Push appends a row to its alarm queue.
func (q *Queue) Push(r *Row) {
	id := r.QueueKey()
	q.rows[id] = append(q.rows[id], r)
	q.index[r.seq] = r
	q.await(r, 1)
	q.count++
	q.bytes += r.size
	if first := q.rows[id][0]; first == r {
		q.lead(r)
	} else if first.heap != nil && first.heap != &q.waiting && r.class() < first.heap.class {
		q.lead(first) // the alarm queue has become more urgent
	}
	q.signal()
}

func (q *Queue) await(r *Row, n int) {
	if r.After == 0 {
		return
	}
	if q.awaited[r.After] += n; q.awaited[r.After] == 0 {
		delete(q.awaited, r.After)
	}
}

// lead schedules r, the first row of its alarm queue.
func (q *Queue) lead(r *Row) {
	r.unlead()
	if r.gone || r.locked || r.inFlight || q.holds(r) {
		return
	}
	if r.After < r.seq && q.index[r.After] != nil {
		q.blocked[r.After] = append(q.blocked[r.After], r)
		return
	}
	if last, ok := q.lastSent[r.QueueKey()]; ok && r.Kind != alarm.Forward {
		r.next = max(r.next, last+flapTime)
	}
	heap.Push(&q.waiting, r)
}

func (r *Row) unlead() {
	if r.heap != nil {
		heap.Remove(r.heap, r.place)
	}
}

// Remove removes a row, at any position in its alarm queue.
func (q *Queue) Remove(r *Row) {
	id := r.QueueKey()
	i := slices.Index(q.rows[id], r)
	if i < 0 {
		return
	}
	r.gone = true
	r.unlead()
	q.count--
	q.bytes -= r.size
	delete(q.index, r.seq)
	q.await(r, -1)
	if q.rows[id] = slices.Delete(q.rows[id], i, i+1); len(q.rows[id]) == 0 {
		delete(q.rows, id)
	} else if i == 0 {
		q.lead(q.rows[id][0])
	}
	unblocked := q.blocked[r.seq]
	delete(q.blocked, r.seq)
	for _, other := range unblocked {
		q.lead(other)
	}
	q.signal()
}

// Lock prevents the sending of a row that a transaction is about to remove.
func (q *Queue) Lock(r *Row) {
	r.locked = true
	r.unlead()
}

// Release undoes Lock.
func (q *Queue) Release(r *Row) {
	r.locked = false
	if line := q.rows[r.QueueKey()]; len(line) > 0 && line[0] == r && !r.inFlight {
		q.lead(r)
		q.signal()
	}
}

// Again schedules a row that is still to be delivered, not before a moment in run time.
func (q *Queue) Again(r *Row, earliest time.Duration) {
	r.inFlight, r.next = false, earliest
	q.lead(r)
	q.signal()
}

// classOf returns the most urgent class of the rows of an alarm queue: rows before an urgent one are as urgent.
func (q *Queue) classOf(id string) int {
	n := classes - 1
	for _, r := range q.rows[id] {
		n = min(n, r.class())
	}
	return n
}

// MarkSeen records which of some rows an earlier process may have sent. If sent is nil, that is unknown, as only outcomes
// are stored: the first rows of alarm queues may have been.
func (q *Queue) MarkSeen(rows []*Row, sent map[uint64]bool) {
	for _, r := range rows {
		if sent != nil {
			r.seen = sent[r.seq]
		} else {
			r.seen = q.rows[r.QueueKey()][0] == r && q.index[r.After] == nil
		}
	}
}

// Prune deletes the times of the last deliveries that are older than flapTime.
func (q *Queue) Prune(now time.Duration) {
	for id, at := range q.lastSent {
		if now-at > flapTime {
			delete(q.lastSent, id)
		}
	}
}
