package client

import (
	"time"

	"trapline/internal/access"
)

// query is one request on its way, with all its attempts.
type query struct {
	peer     *peer
	request  request
	by       asker
	budget   time.Duration // from the first sending to giving up
	timeout  time.Duration // longest wait for one attempt
	retries  int
	stats    *Stats
	attempts []attempt
	room     [2]attempt // for attempts, which are seldom more
	later    int        // answers to requests that were sent after this one

	alone     bool   // the target is not probed beside it
	discovery bool   // asks for the engine ID, in SNMPv3
	presence  bool   // is a discovery that only shows whether the engine is there
	resynced  bool   // was sent again after the target told its time
	probed    bool   // the target was probed beside it, or it is the probe
	began     uint64 // the event of its first attempt
	since     uint64 // the event after which an answer to anything shows that the target is there

	timer timer
	first time.Duration
	dead  bool

	charged bool // the link keeps room for its answer
}

// unansweredAttempts counts the attempts that nothing came of, before the last one.
func (q *query) unansweredAttempts() int {
	n := len(q.attempts) - 1
	if q.resynced {
		n-- // that one was answered by a Report
	}
	return n
}

// sentLocked reports whether an attempt was made.
func (q *query) sentLocked() bool { return len(q.attempts) > 0 }

// asker is told how a query ended, once and with the mutex held. The answer is valid until it returns.
type asker interface {
	answeredLocked(answer, *access.Error)
}

// askerFunc is an asker.
type askerFunc func(answer, *access.Error)

func (f askerFunc) answeredLocked(a answer, e *access.Error) { f(a, e) }

type attempt struct {
	id uint32
	at time.Duration
}
