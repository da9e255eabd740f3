package notify

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"trapline/internal/alarm"
)

// Route is a receiver as the outbox sees it. It is never changed: a reload makes another one.
type Route struct {
	Name    string
	About   About
	Deliver Deliver
	Matches func(*Alarm) bool // nil: every alarm
	Tags    []string          // by which rules choose it
	Group   string            // of which one receiver is notified; empty where it is whatever others are

	// Key is what the receiver knows an alarm by, and whether it is sent changes; nil: the alarm's ID, and it is.
	Key    func(*Alarm) (key string, changes bool)
	Scheme string // names what Key looks at

	Window          int           // deliveries at once, of different lines
	Spacing         time.Duration // from the begin of one delivery to the next
	MaxAge          time.Duration // how long an event is tried
	MaxEvents       int           // how many may wait; see plan.shrink and plan.room
	MaxBytes        int           // how many octets they may take in the database
	RepeatInterval  time.Duration // how often an active alarm is sent again; 0 means never
	Heartbeat       time.Duration // 0 means none
	Resyncs         bool          // it understands Resync
	EveryTransition bool          // an alarm that comes and goes unseen is sent all the same
	Times           int           // how often an event is sent to one that never confirms; 0 means once
	TimesApart      time.Duration
}

// receiver is the route as alarms are compared with it.
func (o *Outbox) receiver(r *Route) *alarm.Receiver {
	key := r.Key
	if key == nil {
		key = byID
	}
	return &alarm.Receiver{
		Name: r.Name, Key: key, Scheme: r.Scheme, EveryTransition: r.EveryTransition,
		Wants: func(a *Alarm) bool { return r.Matches == nil || r.Matches(o.directed(a)) },
	}
}

// row is an event on its way to one receiver.
type row struct {
	seq  uint64 // its key in the database
	size int    // octets there
	Event
	Line  string  `json:"line,omitempty"`  // the key under which the receiver knows the alarm, where that is not its ID
	After uint64  `json:"after,omitempty"` // the row that must be gone before
	Run   float64 `json:"run"`             // when it was made, in run seconds

	seen   bool // it was sent, or may have been
	flying bool
	gone   bool
	held   bool          // a transaction is about to remove it
	times  int           // how often it was delivered; after a restart that is not known
	tries  int           // messages that were sent of it, the same
	err    error         // of the last try
	missed int           // deliveries that found no receiver
	next   time.Duration // not to be sent before
	began  time.Duration // of the last delivery

	heap  *rowHeap // in which it is, and where
	place int
}

// requestID is the same whenever the row is sent.
func (r *row) requestID() int32 { return int32(r.seq&(1<<30-1)) + 1 }

// line is what the row is in line with: events about no alarm, with those of their kind.
func (r *row) line() string { return cmp.Or(r.Line, r.Alarm.ID, string(r.Kind)) }

// update reports whether the row says no more than what the next event of its line says too.
func (r *row) update() bool { return r.Kind == Change || r.Repeat > 0 }

// classes is how many classes rows have, of which lower ones are sent first.
const classes = 5

// class is that of a row: 0 critical, resync; 1 major; 2 minor, clear; 3 warning, change; 4 repetition.
func (r *row) class() int {
	switch {
	case r.Kind == Resync:
		return 0
	case r.Repeat > 0:
		return 4
	case r.Kind != Raise && r.Kind != Change:
		return 2
	}
	n := classOf(r.Alarm.Severity)
	if r.Kind == Change && n > urgent {
		return 3
	}
	return n
}

// urgent is the last class for which a delivery slot is kept free.
const urgent = 1

func classOf(s Severity) int {
	switch s {
	case Critical:
		return 0
	case Major:
		return 1
	case Warning:
		return 3
	}
	return 2
}

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
	lastTold map[string]time.Duration // by line, for flapTime
	flying   int
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

func (o *Outbox) newQueue(r *Route) *queue {
	q := &queue{
		name: r.Name, route: r, receiver: o.receiver(r), rows: map[string][]*row{}, index: map[uint64]*row{}, awaited: map[uint64]int{}, blocked: map[uint64][]*row{},
		waiting: rowHeap{byTime: true}, lastTold: map[string]time.Duration{}, wake: make(chan struct{}, 1),
	}
	for i := range q.ready {
		q.ready[i].class = i
	}
	return q
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push adds a row behind those of its line.
func (q *queue) push(r *row) {
	id := r.line()
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
	if r.gone || r.held || r.flying {
		return
	}
	if r.After < r.seq && q.index[r.After] != nil {
		q.blocked[r.After] = append(q.blocked[r.After], r)
		return
	}
	if told, ok := q.lastTold[r.line()]; ok {
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
	id := r.line()
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

// hold keeps a row from being sent, which a transaction is about to remove.
func (q *queue) hold(r *row) {
	r.held = true
	r.unlead()
}

// release undoes hold.
func (q *queue) release(r *row) {
	r.held = false
	if line := q.rows[r.line()]; len(line) > 0 && line[0] == r && !r.flying {
		q.lead(r)
		q.signal()
	}
}

// again puts a row back that was not delivered.
func (q *queue) again(r *row) {
	r.flying = false
	q.lead(r)
	q.signal()
}

// lineClass is the class of the worst row of a line, so that what waits before an urgent one goes with it.
func (q *queue) lineClass(id string) int {
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
		heap.Push(&q.ready[q.lineClass(r.line())], r)
	}
	oldest := q.oldest()
	if oldest == nil {
		return nil, false, q.waiting.wait(now)
	}
	if q.route.MaxAge > 0 && now-fromSeconds(oldest.Run) > q.route.MaxAge {
		oldest.unlead()
		oldest.flying = true
		return oldest, true, 0
	}
	if at := max(q.pace, q.retryAt); at > now {
		return nil, false, at - now
	}
	if r = q.pick(oldest); r == nil {
		return nil, false, q.waiting.wait(now)
	}
	r.unlead()
	r.flying, r.seen, r.began = true, true, now
	q.flying++
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
	case q.flying >= q.route.Window, q.failures > 0 && q.flying > 0:
		return nil
	case q.failures > 0:
		return q.leastMissed()
	}
	last := q.route.Window > 1 && q.flying == q.route.Window-1
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
