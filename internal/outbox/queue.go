package outbox

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// queue holds the rows of one receiver. Those of one line are delivered one after the other. The outbox's
// mutex guards it, but for the name, which never changes. A reload replaces the route as a whole: a delivery
// goes on with the one that it began with.
type queue struct {
	name     string
	route    *Route
	receiver *alarm.Receiver   // the same
	rows     map[string][]*row // by line, oldest first
	index    map[uint64]*row   // all of them
	awaited  map[uint64]int    // how many of them have to wait for one
	blocked  map[uint64][]*row // first rows of lines, by the row that has to go before
	count    int
	bytes    int                      // all sizes
	waiting  rowHeap                  // first rows of lines that may not be sent yet, by when they may
	ready    [classes]rowHeap         // the others, by the class of their line
	lastSent map[string]time.Duration // by line, for flapTime
	inFlight int
	taken    int           // deliveries so far
	pace     time.Duration // when the next delivery may begin
	wake     chan struct{}
	stop     func()        // ends its deliveries at once; nil before there are any
	ended    chan struct{} // closed when they have

	failures int           // deliveries in a row that found no receiver
	failed   time.Duration // when the last of them ended
	retryAt  time.Duration // while there are failures, one delivery at a time is tried, and not before
	alive    time.Duration // the last heartbeat
	beaten   bool          // there was one
	answered bool          // since it was last looked what had been given up

	tally       tally
	err         error     // of the last failure, while there are failures
	errTries    int       // messages of that delivery
	failedSince time.Time // when the first of them was
}

// flapTime is how far apart notifications of one line are (RFC 3877 section 4.1.1). What comes
// meanwhile supersedes what waits, so that the last state is sent.
const flapTime = 2 * time.Second

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push adds a row behind those of its line.
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
		q.lead(first) // the line has become more urgent
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

// lead makes r, the first of its line, one that may be sent.
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

// remove takes a row out, wherever it is in its line.
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

// lock keeps a row from being sent, which a transaction is about to remove.
func (q *queue) lock(r *row) {
	r.locked = true
	r.unlead()
}

// release undoes hold.
func (q *queue) release(r *row) {
	r.locked = false
	if line := q.rows[r.queueKey()]; len(line) > 0 && line[0] == r && !r.inFlight {
		q.lead(r)
		q.signal()
	}
}

// again puts a row back that was not delivered.
func (q *queue) again(r *row) {
	r.inFlight = false
	q.lead(r)
	q.signal()
}

// classOf is the class of the worst row of a line, so that what waits before an urgent one goes with it.
func (q *queue) classOf(id string) int {
	n := classes - 1
	for _, r := range q.rows[id] {
		n = min(n, r.class())
	}
	return n
}

// get returns the next row to deliver, and marks it. Without one, it says when to look again; zero means
// when something happens. Expired rows are handed out for what becomes of them.
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

// oldest is the oldest of the rows that are ready, nil without any.
func (q *queue) oldest() (oldest *row) {
	for i := range q.ready {
		if list := q.ready[i].list; len(list) > 0 && (oldest == nil || list[0].seq < oldest.seq) {
			oldest = list[0]
		}
	}
	return oldest
}

// fairness is how many deliveries are made until one is the oldest, whatever its class, so that nothing starves.
const fairness = 10

// pick chooses among what is ready, nil while nothing may be sent. Where several deliveries may be under way, one
// slot is for the urgent classes.
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

// leastMissed is the row to try after a failure: of those that failed least often the most urgent, and of
// these the oldest. Perhaps it is only one row that the receiver chokes on.
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

// latest is how late a delivery may begin, by a timer or a busy machine, and those behind it still make up
// for it.
const latest = 50 * time.Millisecond

// The pause after failures: the first, doubled by each, up to the longest; a fifth more or less.
const firstPause, longestPause = 2 * time.Second, 5 * time.Minute

// pause is how long to wait after n failures.
func pause(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), longestPause)
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// miss notes that a delivery found no receiver. Several that began before the last failure are one.
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

// outage is how many failures in a row, each of another delivery, are the receiver's and not the rows'.
const outage = 3

// reach notes that the receiver answered. After an outage, what failed meanwhile need not wait.
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
