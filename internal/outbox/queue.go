package outbox

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// queue holds the rows of one receiver. The rows of an alarm queue are delivered in order, one at a time. Outbox.mu
// guards a queue except its name, which is immutable. A reload replaces the route as a whole: a delivery keeps the route
// that it began with.
type queue struct {
	name     string
	route    *Route
	receiver *alarm.Receiver   // made from route
	rows     map[string][]*row // by alarm queue, oldest first
	index    map[uint64]*row   // all of them, by number
	awaited  map[uint64]int    // the number of rows that wait for a row, by its number
	blocked  map[uint64][]*row // first rows of alarm queues, by the number of the row that must be gone before
	count    int
	bytes    int                      // sum of all sizes
	waiting  rowHeap                  // first rows of alarm queues that may not be sent yet, by the time when they may
	ready    [classes]rowHeap         // the others, by the class of their alarm queue
	lastSent map[string]time.Duration // by alarm queue, for flapTime
	inFlight int
	taken    int           // deliveries so far
	pace     time.Duration // earliest time of the next delivery
	wake     chan struct{}
	stop     func()        // ends its deliveries at once; nil before there are any
	ended    chan struct{} // closed when they have ended

	failures int           // consecutive deliveries that did not reach the receiver
	failed   time.Duration // when the last of them ended
	retryAt  time.Duration // while there are failures, the earliest time of the next delivery
	alive    time.Duration // the last heartbeat
	beaten   bool          // there was one
	answered bool          // it has answered since the last housekeeping

	tally       tally
	err         error     // of the last failure, while there are failures
	errTries    int       // messages of that delivery
	failedSince time.Time // time of the first of these failures
}

// flapTime is the minimum time between notifications of one alarm queue (RFC 3877 section 4.1.1). Meanwhile new events
// replace queued ones, so that the last state is sent.
const flapTime = 2 * time.Second

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push appends a row to its alarm queue.
func (q *queue) push(r *row) {
	id := r.queueKey()
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

func (q *queue) await(r *row, n int) {
	if r.After == 0 {
		return
	}
	if q.awaited[r.After] += n; q.awaited[r.After] == 0 {
		delete(q.awaited, r.After)
	}
}

// lead schedules r, the first row of its alarm queue.
func (q *queue) lead(r *row) {
	r.unlead()
	if r.gone || r.locked || r.inFlight {
		return
	}
	if r.After < r.seq && q.index[r.After] != nil {
		q.blocked[r.After] = append(q.blocked[r.After], r)
		return
	}
	if told, ok := q.lastSent[r.queueKey()]; ok {
		r.next = max(r.next, told+flapTime)
	}
	heap.Push(&q.waiting, r)
}

func (r *row) unlead() {
	if r.heap != nil {
		heap.Remove(r.heap, r.place)
	}
}

// remove removes a row, at any position in its alarm queue.
func (q *queue) remove(r *row) {
	id := r.queueKey()
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

// lock prevents the sending of a row that a transaction is about to remove.
func (q *queue) lock(r *row) {
	r.locked = true
	r.unlead()
}

// release undoes lock.
func (q *queue) release(r *row) {
	r.locked = false
	if line := q.rows[r.queueKey()]; len(line) > 0 && line[0] == r && !r.inFlight {
		q.lead(r)
		q.signal()
	}
}

// again schedules a row that was not delivered.
func (q *queue) again(r *row) {
	r.inFlight = false
	q.lead(r)
	q.signal()
}

// classOf returns the most urgent class of the rows of an alarm queue: rows before an urgent one are as urgent.
func (q *queue) classOf(id string) int {
	n := classes - 1
	for _, r := range q.rows[id] {
		n = min(n, r.class())
	}
	return n
}

// take returns the next row to deliver, and marks it as in flight. If there is none, it returns the time until the next
// call; zero means until wake. An expired row must be given up.
func (q *queue) take(now time.Duration) (r *row, expired bool, wait time.Duration) {
	for len(q.waiting.list) > 0 && q.waiting.list[0].next <= now {
		r := heap.Pop(&q.waiting).(*row)
		heap.Push(&q.ready[q.classOf(r.queueKey())], r)
	}
	oldest := q.oldest()
	if oldest == nil {
		return nil, false, q.waiting.wait(now)
	}
	if q.route.MaxAge > 0 && now-fromSeconds(oldest.Run) > q.route.MaxAge {
		oldest.unlead()
		oldest.inFlight = true
		return oldest, true, 0
	}
	if at := max(q.pace, q.retryAt); at > now {
		return nil, false, at - now
	}
	if r = q.pick(oldest); r == nil {
		return nil, false, q.waiting.wait(now)
	}
	r.unlead()
	r.inFlight, r.seen, r.began = true, true, now
	q.inFlight++
	q.taken++
	q.pace = max(q.pace, now-latest) + q.route.Spacing
	return r, false, 0
}

// oldest returns the oldest row that is ready, or nil.
func (q *queue) oldest() (oldest *row) {
	for i := range q.ready {
		if list := q.ready[i].list; len(list) > 0 && (oldest == nil || list[0].seq < oldest.seq) {
			oldest = list[0]
		}
	}
	return oldest
}

// fairness is the number of deliveries of which one is that of the oldest row of any class, so that no row starves.
const fairness = 10

// pick returns the row to send, or nil while none may be sent. If the window allows several deliveries, one slot is
// reserved for the urgent classes.
func (q *queue) pick(oldest *row) *row {
	switch {
	case q.inFlight >= q.route.Window, q.failures > 0 && q.inFlight > 0:
		return nil
	case q.failures > 0:
		return q.leastMissed()
	}
	last := q.route.Window > 1 && q.inFlight == q.route.Window-1
	if q.taken%fairness == fairness-1 && (!last || oldest.heap.class <= urgent) {
		return oldest
	}
	for i := range q.ready {
		if last && i > urgent {
			return nil
		}
		if list := q.ready[i].list; len(list) > 0 {
			return list[0]
		}
	}
	return nil
}

// leastMissed returns the row to try after a failure: of the rows with the fewest failures the most urgent, and of these
// the oldest. A single row may be the cause of the failures.
func (q *queue) leastMissed() (best *row) {
	for i := range q.ready {
		for _, r := range q.ready[i].list {
			if best == nil || r.missed < best.missed || r.missed == best.missed && r.heap == best.heap && r.seq < best.seq {
				best = r
			}
		}
	}
	return best
}

// latest is the maximum delay of a delivery, by a timer or a busy machine, that the deliveries after it make up for.
const latest = 50 * time.Millisecond

// firstPause is the pause after the first failure. Each further failure doubles it, up to longestPause. The pause varies
// by 20 percent at random.
const firstPause, longestPause = 2 * time.Second, 5 * time.Minute

// pause returns the pause after n failures.
func pause(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), longestPause)
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// miss records that a delivery did not reach the receiver. Deliveries that began before the last failure count as one
// with it.
func (q *queue) miss(r *row, now time.Duration, hopeless bool) {
	if q.failures == 0 || r.began > q.failed {
		q.failures++
	}
	q.failed = now
	wait := pause(q.failures)
	if hopeless {
		wait = longestPause
	}
	r.missed++
	q.retryAt, r.next = now+wait, now+max(wait, pause(r.missed))
}

// outage is the number of consecutive failures from which on the cause is the receiver and not the rows.
const outage = 3

// reach records that the receiver answered. After an outage, rows that failed meanwhile need not wait.
func (q *queue) reach() {
	if q.failures >= outage {
		for _, r := range slices.Clone(q.waiting.list) {
			if r.missed > 0 {
				r.missed, r.next = 0, 0
				heap.Fix(&q.waiting, r.place)
			}
		}
	}
	q.failures, q.retryAt, q.answered, q.err = 0, 0, true, nil
}
