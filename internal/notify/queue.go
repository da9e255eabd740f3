package notify

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// Route is a receiver as the outbox sees it.
type Route struct {
	Name    string
	Deliver Deliver
	Matches func(*Alarm) bool // nil: every alarm
	Tags    []string          // by which rules choose it
	Group   string            // of which one receiver is told; empty where it is told whatever others are

	Window          int           // deliveries at once, of different alarms
	Spacing         time.Duration // from the begin of one delivery to the next
	MaxAge          time.Duration // how long an event is tried
	MaxEvents       int           // how many may wait; more are dropped, as plan.shrink says
	MaxBytes        int           // how many octets they may take in the database
	RepeatInterval  time.Duration // how often an active alarm is told again; 0 means never
	Heartbeat       time.Duration // 0 means none
	Resyncs         bool          // it understands Resync
	EveryTransition bool          // an alarm that comes and goes unseen is told all the same
	Times           int           // how often an event is sent to one that never confirms; 0 means once
	TimesApart      time.Duration
}

// row is an event on its way to one receiver.
type row struct {
	seq  uint64 // its key in the database
	size int    // octets there
	Event
	Expires time.Time `json:"expires"`

	seen   bool // it was sent, or may have been
	flying bool
	gone   bool
	held   bool      // a transaction is about to remove it
	parked bool      // and it has left the heads for that
	times  int       // how often it was delivered; after a restart that is not known
	missed int       // deliveries that found no receiver
	next   time.Time // not to be sent before
	began  time.Time // of the last delivery
}

// requestID is the same whenever the row is sent.
func (r *row) requestID() int32 { return int32(r.seq&(1<<30-1)) + 1 }

// queue holds the rows of one receiver. Those of one alarm are delivered one after the other. The outbox's
// mutex guards it, but for the name, which never changes. A reload replaces the route as a whole: a delivery
// goes on with the one that it began with.
type queue struct {
	name     string
	route    *Route
	rows     map[string][]*row // by alarm ID, oldest first
	count    int
	bytes    int // all sizes
	heads    heads
	lastTold map[string]time.Time // by alarm ID, for flapTime
	flying   int
	pace     time.Time // when the next delivery may begin
	wake     chan struct{}
	stop     func()        // ends its deliveries at once; nil before there are any
	ended    chan struct{} // closed when they have

	failures int       // deliveries in a row that found no receiver
	failed   time.Time // when the last of them ended
	retryAt  time.Time // while there are failures, one delivery at a time is tried, and not before
	alive    time.Time // the last heartbeat
}

// flapTime is how far apart notifications of one alarm are (RFC 3877 section 4.1.1). What comes
// meanwhile supersedes what waits, so that the last state is told.
const flapTime = 2 * time.Second

func newQueue(r *Route) *queue {
	return &queue{name: r.Name, route: r, rows: map[string][]*row{}, lastTold: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push adds a row behind those of its alarm. Events about no alarm are in line by their kind.
func (q *queue) push(r *row) {
	id := r.line()
	q.rows[id] = append(q.rows[id], r)
	q.count++
	q.bytes += r.size
	if len(q.rows[id]) == 1 {
		q.lead(r)
	}
	q.signal()
}

func (r *row) line() string {
	if r.Alarm.ID == "" {
		return string(r.Kind)
	}
	return r.Alarm.ID
}

// lead makes r, the first of its line, one that may be sent.
func (q *queue) lead(r *row) {
	if told, ok := q.lastTold[r.line()]; ok && r.next.Before(told.Add(flapTime)) {
		r.next = told.Add(flapTime)
	}
	heap.Push(&q.heads, r)
}

// remove takes a row out, wherever it is in its line.
func (q *queue) remove(r *row) {
	id := r.line()
	i := slices.Index(q.rows[id], r)
	if i < 0 {
		return
	}
	r.gone = true
	q.count--
	q.bytes -= r.size
	if q.rows[id] = slices.Delete(q.rows[id], i, i+1); len(q.rows[id]) == 0 {
		delete(q.rows, id)
	} else if i == 0 {
		q.lead(q.rows[id][0])
	}
	q.signal()
}

// take gives the next row to deliver, and marks it. Without one, it says when to look again; zero means
// when something happens. Expired rows are handed out for what becomes of them.
func (q *queue) take(now time.Time) (r *row, expired bool, wait time.Duration) {
	for len(q.heads) > 0 {
		r = q.heads[0]
		if r.gone || r.held {
			heap.Pop(&q.heads)
			r.parked = true
			continue
		}
		at := r.next
		if !r.Expires.IsZero() && now.After(r.Expires) && !at.After(now) {
			heap.Pop(&q.heads)
			r.flying = true
			return r, true, 0
		}
		for _, other := range []time.Time{q.pace, q.retryAt} {
			if at.Before(other) {
				at = other
			}
		}
		if at.After(now) {
			return nil, false, at.Sub(now)
		}
		if q.flying >= q.route.Window || q.failures > 0 && q.flying > 0 {
			return nil, false, 0
		}
		heap.Pop(&q.heads)
		r.flying, r.seen, r.began = true, true, now
		q.flying++
		q.pace = later(q.pace, now.Add(-latest)).Add(q.route.Spacing)
		return r, false, 0
	}
	return nil, false, 0
}

// latest is how late a delivery may begin, by a timer or a busy machine, and those behind it still make up
// for it.
const latest = 50 * time.Millisecond

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// The pause after failures: the first, doubled by each, up to the longest; a fifth more or less.
const firstPause, longestPause = 2 * time.Second, 5 * time.Minute

// pause is how long to wait after n failures.
func pause(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), longestPause)
	return d + time.Duration((rand.Float64()-0.5)*0.4*float64(d))
}

// miss notes that a delivery found no receiver. Several that began before the last failure are one. What
// is tried next is another row: perhaps it is only this one that the receiver chokes on.
func (q *queue) miss(r *row, now time.Time, hopeless bool) {
	if q.failures == 0 || r.began.After(q.failed) {
		q.failures++
	}
	q.failed = now
	wait := pause(q.failures)
	if hopeless {
		wait = longestPause
	}
	r.missed++
	q.retryAt, r.next = now.Add(wait), now.Add(max(wait, pause(r.missed)))
}

// outage is how many failures in a row, each of another delivery, are the receiver's and not the rows'.
const outage = 3

// reach notes that the receiver answered. After an outage, what failed meanwhile need not wait.
func (q *queue) reach() {
	if q.failures >= outage {
		for _, r := range q.heads {
			if r.missed > 0 {
				r.missed, r.next = 0, time.Time{}
			}
		}
		heap.Init(&q.heads)
	}
	q.failures, q.retryAt = 0, time.Time{}
}

// release makes a row one to be sent again, which no transaction removes after all.
func (q *queue) release(r *row) {
	if r.held = false; r.parked {
		r.parked = false
		heap.Push(&q.heads, r)
		q.signal()
	}
}

// again puts a row back that was not delivered.
func (q *queue) again(r *row) {
	r.flying = false
	heap.Push(&q.heads, r)
	q.signal()
}

// heads is a heap of the first rows of all lines, by when they may be sent, then by age.
type heads []*row

func (h heads) Len() int { return len(h) }

func (h heads) Less(i, j int) bool {
	if !h[i].next.Equal(h[j].next) {
		return h[i].next.Before(h[j].next)
	}
	return h[i].seq < h[j].seq
}

func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *heads) Push(x any) { *h = append(*h, x.(*row)) }

func (h *heads) Pop() any {
	old := *h
	r := old[len(old)-1]
	*h = old[:len(old)-1]
	return r
}
