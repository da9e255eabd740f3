package client

import (
	"net/netip"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
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

// peer is a target as the pipe sees it: where it is, what it takes and how fast. It outlives polls.
type peer struct {
	address     netip.AddrPort
	anywhere    bool // its answers may come from another address
	outlet      outlet
	link        *link // nil before the first request
	version     snmp.Version
	secrets     access.Secrets
	community   []byte
	v3          *usmPeer // nil but in SNMPv3
	window      window
	flying      []*query
	waiting     []*query
	held        bool          // until there is room on the link
	rate        float64       // bindings a second; 0 means no limit
	free        time.Duration // when the next request may go, with a rate
	strange     error         // why a datagram from it was no answer
	strangeAt   time.Duration // when that came
	answered    uint64        // the event of the last answer to a request that waited for it; 0 means never
	heard       uint64        // likewise, answers that came too late included
	abandoned   [8]uint32     // the ids of the last attempts that were given up; 0 is none
	abandonedAt int           // where the next one goes
	probe       *query        // asks whether it is there at all; nil when nothing does

	capacity capacity
	memory   memory
}

// at tells whether the peer may answer from an address.
func (t *peer) at(from netip.AddrPort) bool { return t.address == from || t.anywhere }
