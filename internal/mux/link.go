package mux

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"trapline/internal/access"
)

// link is a socket with its queue and the limit of requests in flight.
type link struct {
	Socket
	inFlight    int     // requests that an answer is expected to, charged to the receive buffer
	maxInFlight int     // of them at once, so that their answers do not overflow the receive buffer
	blocked     []*Peer // those that wait until there are fewer

	queue, spareQueue []outgoing
	out, spareOut     []byte // the messages of queue, one after the other
	batch             []Datagram
}

// outgoing is an attempt that was not yet handed to the system.
type outgoing struct {
	query *Query
	end   int // of its message in link.out
}

// answerCharge is how much of a receive buffer the system takes for an answer that fills a frame.
const answerCharge = 2304

var errClosed = errors.New("the client is closed")

// linkLocked opens the socket that a peer's requests leave through, or finds it.
func (p *Mux) linkLocked(t *Peer) (*link, error) {
	if t.link != nil {
		return t.link, nil
	}
	if p.closed {
		return nil, errClosed
	}
	if l := p.links[t.binding]; l != nil {
		t.link = l
		return l, nil
	}
	s, err := p.Open(t.binding)
	if err != nil {
		return nil, err
	}
	buffer, _ := s.Load()
	l := &link{Socket: s, maxInFlight: max(buffer/2/answerCharge, MaxWindow)}
	if p.MaxInFlight > 0 {
		l.maxInFlight = min(l.maxInFlight, p.MaxInFlight)
	}
	p.links[t.binding], t.link = l, l
	p.running.Go(func() { p.receive(l) })
	return l, nil
}

// Lock and Unlock guard the Mux. Messages that were queued meanwhile leave the host before others may go on.
func (p *Mux) Lock() {
	p.mu.Lock()
	p.Now = time.Since(p.epoch)
}

// Unlock submits the requests that became possible, and unlocks the mutex.
func (p *Mux) Unlock() {
	for len(p.ready)+len(p.freed)+len(p.loaded) > 0 {
		p.resumeLocked()
		p.flushLocked()
	}
	p.mu.Unlock()
}

// resumeLocked lets the peers go on that waited for something other than an answer of their own.
func (p *Mux) resumeLocked() {
	for len(p.ready) > 0 {
		t := p.ready[0]
		p.ready = p.ready[1:]
		p.pumpLocked(t)
	}
	p.ready = nil
	for i := 0; i < len(p.freed); i++ {
		l := p.freed[i]
		for len(l.blocked) > 0 && l.inFlight < l.maxInFlight {
			t := l.blocked[0]
			l.blocked[0] = nil
			l.blocked = l.blocked[1:]
			t.blocked = false
			p.pumpLocked(t)
		}
	}
	p.freed = p.freed[:0]
}

// enqueueLocked has the message that was just appended to l.out sent for q.
func (p *Mux) enqueueLocked(l *link, q *Query) {
	p.chargeLocked(l, q)
	if len(l.queue) == 0 {
		p.loaded = append(p.loaded, l)
	}
	l.queue = append(l.queue, outgoing{q, len(l.out)})
}

func (p *Mux) flushLocked() {
	for _, l := range p.loaded {
		p.flushLinkLocked(l)
	}
	p.loaded = p.loaded[:0]
}

// flushLinkLocked sends the queued messages. A request that cannot be sent fails, which may queue others.
func (p *Mux) flushLinkLocked(l *link) {
	queue, out := l.queue, l.out
	l.queue, l.out, l.spareQueue, l.spareOut = l.spareQueue[:0], l.spareOut[:0], nil, nil
	batch, start := l.batch[:0], 0
	for _, o := range queue {
		batch = append(batch, Datagram{out[start:o.end], o.query.Peer.Address})
		start = o.end
	}
	for at := 0; at < len(batch); at++ {
		n, err := l.Send(batch[at:])
		if err == nil {
			break
		}
		at += n
		p.endLocked(queue[at].query, Answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
	}
	clear(queue)
	l.batch, l.spareQueue, l.spareOut = batch, queue, out
}

// allowsLocked reports whether one more request may be under way. If not, t is held until it may.
func (l *link) allowsLocked(t *Peer) bool {
	if l.inFlight < l.maxInFlight {
		return true
	}
	if !t.blocked {
		t.blocked = true
		l.blocked = append(l.blocked, t)
	}
	return false
}

// chargeLocked reserves room in the receive buffer for the answer to an attempt. A request to a
// target that does not answer, and one that went unanswered once, takes no room that others need: if an
// answer comes, it comes alone. A bound that the caller set counts all.
func (p *Mux) chargeLocked(l *link, q *Query) {
	if p.MaxInFlight == 0 && (len(q.attempts) > 1 || !q.Peer.window.responsive()) {
		p.unchargeLocked(q)
		return
	}
	if !q.charged {
		q.charged = true
		l.inFlight++
	}
}

// unchargeLocked releases the room for q's answer.
func (p *Mux) unchargeLocked(q *Query) {
	if !q.charged {
		return
	}
	q.charged = false
	l := q.Peer.link
	l.inFlight--
	if len(l.blocked) > 0 {
		p.freed = append(p.freed, l)
	}
}

// receive handles the datagrams of one socket until it is closed.
func (p *Mux) receive(l *link) {
	take := func(batch []Datagram) {
		p.Lock()
		defer p.Unlock()
		for _, d := range batch {
			p.takeLocked(d.Data, d.Peer)
		}
	}
	for !isClosed(l.Receive(take)) {
		l.SocketErrors(func(to netip.AddrPort, err error) {
			p.Lock()
			defer p.Unlock()
			p.refusedLocked(to, err)
		})
	}
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
