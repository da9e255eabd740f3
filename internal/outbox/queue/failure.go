package queue

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// firstPause is the pause after the first failure. Each further failure doubles it, up to LongestPause. The pause varies
// by 20 percent at random.
const firstPause = 2 * time.Second

// LongestPause is the longest pause between two attempts.
const LongestPause = 5 * time.Minute

// pause returns the pause after n failures.
func pause(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), LongestPause)
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// Ended records the end of a delivery, in which a number of messages were sent. err is nil if the row was delivered.
func (q *Queue) Ended(r *Row, now time.Duration, sent int, err error) {
	q.inFlight--
	q.lastSent[r.QueueKey()] = now
	r.tries += sent
	if err == nil {
		r.times++
	}
	if r.gone { // with its shard: nothing else says that the slot is free
		q.signal()
	}
}

// KeptBack records that a delivery of a row ended without a message. The next one sends it.
func (q *Queue) KeptBack(r *Row) { r.seen, r.held = !r.first, true }

// Miss records that a delivery did not reach the receiver, and schedules the next try of its row. Deliveries that began
// before the last failure count as one with it. hopeless means that only a change of the configuration helps.
func (q *Queue) Miss(r *Row, now time.Duration, why Failure, hopeless bool) {
	if q.failures > 0 {
		why.Since = q.failure.Since
	}
	if q.failures == 0 || r.began > q.failed {
		q.failures++
	}
	q.failed, q.failure = now, why
	wait := pause(q.failures)
	if hopeless {
		wait = LongestPause
	}
	r.missed++
	r.err = why.Err
	q.retryAt = now + wait
	q.Again(r, now+max(wait, pause(r.missed)))
}

// outage is the number of consecutive failures from which on the cause is the receiver and not the rows.
const outage = 3

// Reach records that the receiver answered. After an outage, rows that failed meanwhile need not wait.
func (q *Queue) Reach() {
	if q.failures >= outage {
		for _, r := range slices.Clone(q.waiting.list) {
			if r.missed > 0 {
				r.missed, r.next = 0, 0
				heap.Fix(&q.waiting, r.place)
			}
		}
	}
	q.failures, q.retryAt, q.answered = 0, 0, true
	q.failure.Err = nil
}

// Failing reports whether the last delivery did not reach the receiver.
func (q *Queue) Failing() bool { return q.failures > 0 }

// Failure describes the failures while the receiver is failing. Otherwise its Err is nil.
func (q *Queue) Failure() Failure { return q.failure }

// RetryAt returns the earliest time of the next delivery while the receiver is failing, and 0 otherwise.
func (q *Queue) RetryAt() time.Duration { return q.retryAt }

// Failed returns when the last delivery ended that did not reach the receiver.
func (q *Queue) Failed() time.Duration { return q.failed }

// Answered reports whether the receiver is not failing, and has answered since the last call of AnswersRead.
func (q *Queue) Answered() bool { return q.answered && q.failures == 0 }

// AnswersRead forgets that the receiver has answered, unless it has failed again.
func (q *Queue) AnswersRead() { q.answered = q.answered && q.failures > 0 }

// ResetBackoff resets the failures, so that the receiver is tried at once.
func (q *Queue) ResetBackoff() {
	q.failures = max(q.failures, outage)
	q.Reach()
	q.signal()
}

// SetRoute replaces the route. The receiver is tried at once, because the change may have removed the cause of a failure.
func (q *Queue) SetRoute(route *Route, receiver *alarm.Receiver) {
	q.Route, q.Receiver = route, receiver
	q.ResetBackoff()
}

// HeartbeatDue reports whether it is time for a heartbeat.
func (q *Queue) HeartbeatDue(now time.Duration) bool {
	every := q.Route.Heartbeat
	return every > 0 && (!q.beaten || now-q.alive >= every)
}

// Beat records that a heartbeat was queued.
func (q *Queue) Beat(now time.Duration) { q.alive, q.beaten = now, true }
