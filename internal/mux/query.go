package mux

import (
	"time"

	"trapline/internal/access"
)

// Query is one request on its way, with all its attempts.
type Query struct {
	Peer     *Peer
	Request  Request
	Owner    Owner
	Budget   time.Duration // from the first sending to giving up
	Timeout  time.Duration // longest wait for one attempt
	Retries  int
	Stats    *Stats
	attempts []attempt
	room     [2]attempt // for attempts, which are seldom more
	later    int        // answers to requests that were sent after this one

	Alone     bool   // the target is not probed beside it
	discovery bool   // asks for the engine ID, in SNMPv3
	presence  bool   // is a discovery that only shows whether the engine is there
	resynced  bool   // was sent again after the target reported its time
	probed    bool   // the target was probed beside it, or it is the probe
	began     uint64 // the event of its first attempt
	since     uint64 // the event after which an answer to anything shows that the target is there

	timer timer
	first time.Duration
	Dead  bool

	charged bool // the link keeps room for its answer
}

// unansweredAttempts counts the attempts that nothing came of, before the last one.
func (q *Query) unansweredAttempts() int {
	n := len(q.attempts) - 1
	if q.resynced {
		n-- // that one was answered by a Report
	}
	return n
}

// SentLocked reports whether an attempt was made.
func (q *Query) SentLocked() bool { return len(q.attempts) > 0 }

// Owner is notified how a query ended, once and with the mutex held. The answer is valid until it returns.
type Owner interface {
	CompletedLocked(Answer, *access.Error)
}

// OwnerFunc is an asker.
type OwnerFunc func(Answer, *access.Error)

// CompletedLocked calls f.
func (f OwnerFunc) CompletedLocked(a Answer, e *access.Error) { f(a, e) }

type attempt struct {
	id uint32
	at time.Duration
}
