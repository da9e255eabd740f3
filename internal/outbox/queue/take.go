package queue

import (
	"container/heap"
	"time"
)

// Take returns the next row to deliver, and marks it as in flight. If there is none, it returns the time until the next
// call; zero means until Wake. An expired row must be given up.
func (q *Queue) Take(now time.Duration) (r *Row, expired bool, wait time.Duration) {
	for len(q.waiting.list) > 0 && q.waiting.list[0].next <= now {
		r := heap.Pop(&q.waiting).(*Row)
		heap.Push(&q.ready[q.classOf(r.QueueKey())], r)
	}
	oldest := q.oldest()
	if oldest == nil {
		return nil, false, q.waiting.wait(now)
	}
	if q.Route.MaxAge > 0 && now-oldest.created() > q.Route.MaxAge {
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
	r.first = !r.Seen()
	r.inFlight, r.seen, r.began = true, true, now
	q.inFlight++
	q.taken++
	q.pace = max(q.pace, now-latest) + q.Route.Spacing
	return r, false, 0
}

// oldest returns the oldest row that is ready, or nil.
func (q *Queue) oldest() (oldest *Row) {
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
func (q *Queue) pick(oldest *Row) *Row {
	switch {
	case q.inFlight >= q.Route.Window, q.failures > 0 && q.inFlight > 0:
		return nil
	case q.failures > 0:
		return q.leastMissed()
	}
	last := q.Route.Window > 1 && q.inFlight == q.Route.Window-1
	if q.taken%fairness == fairness-1 && (!last || oldest.heap.class <= Urgent) {
		return oldest
	}
	for i := range q.ready {
		if last && i > Urgent {
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
func (q *Queue) leastMissed() (best *Row) {
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
