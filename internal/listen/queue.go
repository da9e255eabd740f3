package listen

import (
	"net/netip"
	"sync"
	"time"

	"trapline/internal/relay"
)

// datagram is a datagram that was received.
type datagram struct {
	from   netip.AddrPort
	socket *socket
	at     time.Time
	end    int     // of its octets among those of the batch
	handed *handed // a notification that another member has received, in the place of octets
}

// handed is a notification that another member of the cluster has received.
type handed struct {
	notification *relay.Notification
	done         func(taken bool)
}

// batch is a number of datagrams in the order in which they came.
type batch struct {
	list   []datagram
	octets []byte
}

// queue hands datagrams to a worker, which takes all that wait at once.
type queue struct {
	mu      sync.Mutex
	waiting batch
	ready   chan struct{} // signals that datagrams wait
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// The datagrams that may wait for all workers together, and their octets.
const (
	maxWaiting      = 1 << 16
	maxWaitingBytes = 16 << 20
)

// put adds a datagram. It returns false if the part of the worker, one of so many, is full.
func (q *queue) put(d datagram, octets []byte, workers int) bool {
	q.mu.Lock()
	w := &q.waiting
	ok := len(w.list) < maxWaiting/workers && len(w.octets)+len(octets) <= maxWaitingBytes/workers
	if ok {
		w.octets = append(w.octets, octets...)
		d.end = len(w.octets)
		w.list = append(w.list, d)
	}
	q.mu.Unlock()
	if ok {
		select {
		case q.ready <- struct{}{}:
		default:
		}
	}
	return ok
}

// maxKept is how much of a batch, in octets and datagrams, is kept for the next one.
const maxKept = 1 << 16

// take returns the datagrams that wait, and stores the next ones in empty.
func (q *queue) take(empty batch) batch {
	if cap(empty.octets) > 16*maxKept || cap(empty.list) > maxKept {
		empty = batch{}
	}
	empty.list, empty.octets = empty.list[:0], empty.octets[:0]
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.waiting
	q.waiting = empty
	return full
}
