package outbox

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

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
