package client

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"trapline/internal/access"
)

// link is a socket, with what waits to be sent through it and how much may be under way.
type link struct {
	socket
	flying int     // requests that an answer is expected to, charged to the receive buffer
	most   int     // of them at once, so that their answers do not overflow the receive buffer
	held   []*peer // those that wait until there are fewer

	queue, spareQueue []outgoing
	out, spareOut     []byte // the messages of queue, one after the other
	batch             []datagram
}

// outgoing is an attempt that was not yet handed to the system.
type outgoing struct {
	query *query
	end   int // of its message in link.out
}

// answerCharge is what the system takes of a receive buffer for an answer that fills a frame.
const answerCharge = 2304

// linkLocked opens the socket that a peer's requests leave through, or finds it.
func (p *pipe) linkLocked(t *peer) (*link, error) {
	if t.link != nil {
		return t.link, nil
	}
	if p.closed {
		return nil, errClosed
	}
	if l := p.links[t.outlet]; l != nil {
		t.link = l
		return l, nil
	}
	s, err := p.open(t.outlet)
	if err != nil {
		return nil, err
	}
	buffer, _ := s.load()
	l := &link{socket: s, most: max(buffer/2/answerCharge, highestWindow)}
	if p.maxInFlight > 0 {
		l.most = min(l.most, p.maxInFlight)
	}
	p.links[t.outlet], t.link = l, l
	p.running.Go(func() { p.receive(l) })
	return l, nil
}

// lock and unlock guard the pipe. What was queued meanwhile leaves the host before others may go on.
func (p *pipe) lock() {
	p.mu.Lock()
	p.now = time.Since(p.epoch)
}

func (p *pipe) unlock() {
	for len(p.ready)+len(p.freed)+len(p.loaded) > 0 {
		p.resumeLocked()
		p.flushLocked()
	}
	p.mu.Unlock()
}

// resumeLocked lets the peers go on that waited for something other than an answer of their own.
func (p *pipe) resumeLocked() {
	for len(p.ready) > 0 {
		t := p.ready[0]
		p.ready = p.ready[1:]
		p.pumpLocked(t)
	}
	p.ready = nil
	for i := 0; i < len(p.freed); i++ {
		l := p.freed[i]
		for len(l.held) > 0 && l.flying < l.most {
			t := l.held[0]
			l.held[0] = nil
			l.held = l.held[1:]
			t.held = false
			p.pumpLocked(t)
		}
	}
	p.freed = p.freed[:0]
}

// enqueueLocked has the message that was just appended to l.out sent for q.
func (p *pipe) enqueueLocked(l *link, q *query) {
	p.chargeLocked(l, q)
	if len(l.queue) == 0 {
		p.loaded = append(p.loaded, l)
	}
	l.queue = append(l.queue, outgoing{q, len(l.out)})
}

func (p *pipe) flushLocked() {
	for _, l := range p.loaded {
		p.flushLinkLocked(l)
	}
	p.loaded = p.loaded[:0]
}

// flushLinkLocked sends what is queued. A request that cannot be sent fails, which may queue others.
func (p *pipe) flushLinkLocked(l *link) {
	queue, out := l.queue, l.out
	l.queue, l.out, l.spareQueue, l.spareOut = l.spareQueue[:0], l.spareOut[:0], nil, nil
	batch, start := l.batch[:0], 0
	for _, o := range queue {
		batch = append(batch, datagram{out[start:o.end], o.query.peer.address})
		start = o.end
	}
	for at := 0; at < len(batch); at++ {
		n, err := l.send(batch[at:])
		if err == nil {
			break
		}
		at += n
		p.endLocked(queue[at].query, answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
	}
	clear(queue)
	l.batch, l.spareQueue, l.spareOut = batch, queue, out
}

// allowsLocked tells whether one more request may be under way. If not, t is held until it may.
func (l *link) allowsLocked(t *peer) bool {
	if l.flying < l.most {
		return true
	}
	if !t.held {
		t.held = true
		l.held = append(l.held, t)
	}
	return false
}

// chargeLocked reserves room in the receive buffer for the answer to an attempt. What is asked of a
// target that does not answer, and what went unanswered once, takes no room that others need: if an
// answer comes, it comes alone. A bound that the caller set counts all.
func (p *pipe) chargeLocked(l *link, q *query) {
	if p.maxInFlight == 0 && (len(q.attempts) > 1 || !q.peer.window.responsive()) {
		p.unchargeLocked(q)
		return
	}
	if !q.charged {
		q.charged = true
		l.flying++
	}
}

// unchargeLocked gives back the room for q's answer.
func (p *pipe) unchargeLocked(q *query) {
	if !q.charged {
		return
	}
	q.charged = false
	l := q.peer.link
	l.flying--
	if len(l.held) > 0 {
		p.freed = append(p.freed, l)
	}
}

// receive takes what arrives on one socket until it is closed.
func (p *pipe) receive(l *link) {
	take := func(batch []datagram) {
		p.lock()
		defer p.unlock()
		for _, d := range batch {
			p.takeLocked(d.data, d.peer)
		}
	}
	for !isClosed(l.receive(take)) {
		l.refusals(func(to netip.AddrPort, err error) {
			p.lock()
			defer p.unlock()
			p.refusedLocked(to, err)
		})
	}
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
