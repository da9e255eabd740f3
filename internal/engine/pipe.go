package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trapline/internal/snmp"
)

// pipe carries the requests of all targets over one socket for each IP version. An answer finds its
// request by the request-id, which is a secret number of a slot. There is no goroutine and no buffer
// for a target: one goroutine receives for a socket and goes on with whatever the answer allows.
//
// Everything below the mutex belongs to whoever holds it; methods named with "locked" expect that.
type pipe struct {
	metrics *Metrics
	epoch   time.Time

	mu                sync.Mutex
	conns             [2]*net.UDPConn // IPv4, IPv6; opened when first needed
	slots             slotTable
	timers            timerWheel
	out, list, scoped []byte                   // for encoding
	active            map[netip.AddrPort]*peer // those with requests in flight
	closed            bool
	running           sync.WaitGroup
}

func newPipe(m *Metrics) *pipe {
	return &pipe{metrics: m, epoch: time.Now(), slots: newSlotTable(), active: map[netip.AddrPort]*peer{}}
}

func (p *pipe) now() time.Duration { return time.Since(p.epoch) }

// receiveBuffer is asked of the system for each socket: answers arrive in bursts.
const receiveBuffer = 8 << 20

func (p *pipe) connLocked(to netip.AddrPort) (*net.UDPConn, error) {
	i, network := 0, "udp4"
	if !to.Addr().Is4() {
		i, network = 1, "udp6"
	}
	if p.closed {
		return nil, errClosed
	}
	if p.conns[i] == nil {
		conn, err := net.ListenUDP(network, nil)
		if err != nil {
			return nil, err
		}
		_ = conn.SetReadBuffer(receiveBuffer) // what the system grants is good enough
		watchErrors(conn)
		p.conns[i] = conn
		p.running.Go(func() { p.receive(conn) })
	}
	return p.conns[i], nil
}

// close ends all that is under way.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.conns {
		if c != nil {
			_ = c.Close()
		}
	}
	p.timers.stop()
	p.mu.Unlock()
	p.running.Wait()
}

// settledStats copies what a poll that is over has counted. A discovery that it began may still be
// under way, on behalf of others, and goes on counting.
func (p *pipe) settledStats(s *Stats) Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *s
}

// query is one request on its way, with all its attempts.
type query struct {
	peer     *peer
	request  request
	done     func(answer, *Error) // called once, with the mutex held; the answer is valid until it returns
	budget   time.Duration        // from the first sending to giving up
	timeout  time.Duration        // longest wait for one attempt
	retries  int
	stats    *Stats
	attempts []attempt
	later    int // answers to requests that were sent after this one

	discovery bool // asks for the engine ID, in SNMPv3
	resynced  bool // was sent again after the target told its time

	timer timer
	first time.Duration
	dead  bool
}

type attempt struct {
	id uint32
	at time.Duration
}

// peer is a target as the pipe sees it: where it is, what it takes and how fast. It outlives polls.
type peer struct {
	address   netip.AddrPort
	version   snmp.Version
	secrets   credentials
	community []byte
	v3        *usmPeer // nil but in SNMPv3
	window    window
	flying    []*query
	waiting   []*query
	strange   error // why a datagram from it was no answer

	memory      memory
	repetitions int  // the most that it can answer to; 0 means no limit was met
	shrunk      bool // repetitions are for this pass only
}

// submitLocked queues q and sends what the window allows.
func (p *pipe) submitLocked(q *query) {
	q.peer.waiting = append(q.peer.waiting, q)
	p.pumpLocked(q.peer)
}

func (p *pipe) pumpLocked(t *peer) {
	if t.v3 != nil && t.v3.security == nil {
		if len(t.waiting) > 0 && !t.v3.discovering {
			p.discoverLocked(t)
		}
		return
	}
	for len(t.waiting) > 0 && t.allowsLocked() {
		q := t.waiting[0]
		t.waiting[0] = nil
		if t.waiting = t.waiting[1:]; len(t.waiting) == 0 {
			t.waiting = nil
		}
		if q.dead {
			continue
		}
		t.flying = append(t.flying, q)
		p.active[t.address] = t
		q.first = p.now()
		p.sendLocked(q)
	}
}

// sendLocked makes one attempt.
func (p *pipe) sendLocked(q *query) {
	t := q.peer
	now := p.now()
	id := p.slots.take(q)
	q.attempts = append(q.attempts, attempt{id, now})
	q.later = 0
	conn, err := p.connLocked(t.address)
	if err == nil {
		p.out = p.appendQuery(p.out[:0], q, int32(id))
		_, err = conn.WriteToUDPAddrPort(p.out, t.address)
	}
	if err != nil {
		p.endLocked(q, answer{}, &Error{Reason: socketReason(err), Err: err})
		return
	}
	q.stats.Packets++
	retry := len(q.attempts) > 1
	if retry {
		q.stats.Retries++
	}
	p.metrics.sent(retry)
	p.timers.set(p, q, now+p.patience(q, now))
}

// patience is how long to wait for the attempt just made. The last one has what is left of the
// budget, for retransmissions may have come faster than the user's timeout.
func (p *pipe) patience(q *query, now time.Duration) time.Duration {
	left := q.budget - (now - q.first)
	if len(q.attempts) > q.retries {
		return left
	}
	return min(q.peer.window.rto(len(q.attempts)-1, q.timeout), left)
}

func (p *pipe) appendQuery(b []byte, q *query, id int32) []byte {
	if q.peer.v3 != nil {
		return p.appendQuery3(b, q, id)
	}
	pdu := pduOf(q, id, &p.list)
	return snmp.AppendMessage(b, &snmp.Message{
		Version: q.peer.version, Community: q.peer.community, PDU: pdu.Type, RequestID: pdu.RequestID,
		ErrorIndex: pdu.ErrorIndex, VarBinds: pdu.VarBinds,
	})
}

// pduOf gives the PDU of an attempt. Its bindings are written into list.
func pduOf(q *query, id int32, list *[]byte) snmp.PDU {
	*list = (*list)[:0]
	for _, o := range q.request.oids {
		*list = snmp.AppendVarBind(*list, snmp.VarBind{Name: o, Type: snmp.Null})
	}
	pdu := snmp.PDU{Type: q.request.pdu, RequestID: id, VarBinds: *list}
	if pdu.Type == snmp.GetBulkRequest {
		pdu.ErrorIndex = int32(q.request.repetitions)
	}
	return pdu
}

// endLocked takes q out of flight, tells its owner and lets the next ones go.
func (p *pipe) endLocked(q *query, a answer, e *Error) {
	if q.dead {
		return
	}
	p.dropLocked(q)
	q.done(a, e)
	p.pumpLocked(q.peer)
}

// dropLocked forgets q without telling anyone.
func (p *pipe) dropLocked(q *query) {
	q.dead = true
	for _, a := range q.attempts {
		p.slots.free(a.id)
	}
	p.timers.clear(q)
	t := q.peer
	if i := slices.Index(t.flying, q); i >= 0 {
		t.flying = slices.Delete(t.flying, i, i+1)
	}
	if len(t.flying) == 0 {
		t.flying = nil // an idle target keeps nothing
		if p.active[t.address] == t {
			delete(p.active, t.address)
		}
	}
}

// expireLocked is called when an attempt was not answered in time.
func (p *pipe) expireLocked(q *query) {
	t, now := q.peer, p.now()
	if t.v3 != nil && !q.discovery && t.v3.doubtfulLocked(now) {
		p.renewLocked(t)
		return
	}
	if len(q.attempts) > q.retries {
		t.window.silent()
		e := unansweredError(q.retries, t.strange)
		if t.v3 != nil {
			e.Err = t.v3.suspect(e.Err)
		}
		p.endLocked(q, answer{}, e)
		return
	}
	t.window.lost(now)
	if r := &q.request; r.pdu == snmp.GetBulkRequest && len(q.attempts) > 1 {
		r.repetitions = max(r.repetitions/2, 1) // some agents say nothing where the answer would be too big
	}
	p.sendLocked(q)
}

func unansweredError(retries int, strange error) *Error {
	err := fmt.Errorf("request timeout (after %d retries)", retries)
	var stray strayError
	if errors.As(strange, &stray) {
		return &Error{Reason: Timeout, Err: fmt.Errorf("%w: %w", err, stray)}
	}
	if strange != nil {
		return &Error{Reason: Malformed, Err: fmt.Errorf("%w: what came was no answer: %w", err, strange)}
	}
	return &Error{Reason: Timeout, Err: err}
}

// strayError is an answer from elsewhere than was asked, which proves nothing.
type strayError struct{ from netip.AddrPort }

func (e strayError) Error() string { return fmt.Sprintf("something answered from %s", e.from) }

// maxDatagram is the largest that UDP carries.
const maxDatagram = 65535

// receive takes what arrives on one socket until it is closed.
func (p *pipe) receive(conn *net.UDPConn) {
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			p.socketErrors(conn)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		p.mu.Lock()
		p.takeLocked(buffer[:n], from)
		p.mu.Unlock()
	}
}

// takeLocked finds the query that a datagram answers. What is no answer is put aside: it costs the
// query nothing, but its sender's words are kept for the error.
func (p *pipe) takeLocked(b []byte, from netip.AddrPort) {
	if snmp.PeekVersion(b) == snmp.V3 {
		p.take3Locked(b, from)
		return
	}
	m, err := snmp.ParseMessage(b)
	if err != nil {
		p.strangeLocked(from, err)
		return
	}
	q := p.slots.find(uint32(m.RequestID))
	switch {
	case q == nil:
		p.strangeLocked(from, fmt.Errorf("id %d was not asked with", m.RequestID))
		return
	case q.peer.address != from:
		q.peer.strange = strayError{from}
		return
	case m.PDU != snmp.Response || m.Version != q.peer.version:
		q.peer.strange = fmt.Errorf("PDU 0x%02x of version %d is no answer", byte(m.PDU), m.Version)
		return
	}
	pdu := snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	p.answerLocked(q, uint32(m.RequestID), &pdu)
}

// answerLocked ends q with what pdu says.
func (p *pipe) answerLocked(q *query, id uint32, pdu *snmp.PDU) {
	if _, ok := snmp.CountVarBinds(pdu.VarBinds); !ok {
		q.peer.strange = snmp.ErrTruncated
		return
	}
	p.measureLocked(q, id)
	p.endLocked(q, answer{status: pdu.ErrorStatus, index: int(pdu.ErrorIndex), list: pdu.VarBinds}, nil)
}

// measureLocked takes the round trip of the attempt that was answered, which is exact because each has
// an id of its own, and finds requests sent before it that must be lost.
func (p *pipe) measureLocked(q *query, id uint32) {
	t, now := q.peer, p.now()
	t.strange = nil
	var sent time.Duration
	for _, a := range q.attempts {
		if a.id == id {
			sent = a.at
		}
	}
	t.window.answered(now-sent, now)
	p.metrics.received(now - sent)
	for i := 0; i < len(t.flying); i++ {
		f := t.flying[i]
		last := f.attempts[len(f.attempts)-1].at
		if f == q || last > sent {
			continue
		}
		if f.later++; t.window.overdue(now-last, f.later) && len(f.attempts) <= f.retries {
			t.window.lost(now)
			p.sendLocked(f)
		}
	}
}

// strangeLocked keeps the reason why a datagram was no answer, for the error of the target that it came
// from.
func (p *pipe) strangeLocked(from netip.AddrPort, err error) {
	if t := p.active[from]; t != nil {
		t.strange = err
	}
}

// refusedLocked is told by the host at to, or on the way there, that nothing arrives.
func (p *pipe) refusedLocked(to netip.AddrPort, err error) {
	t := p.active[to]
	if t == nil {
		return
	}
	for len(t.flying) > 0 {
		p.endLocked(t.flying[0], answer{}, &Error{Reason: socketReason(err), Err: err})
	}
}
