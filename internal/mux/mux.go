// Package mux carries the requests to all peers over few sockets: it matches answers to requests, retransmits, measures
// round trips, limits how many requests are outstanding, and discovers SNMPv3 engines. It knows no tables.
package mux

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// Mux carries the requests of all targets over one socket for each IP version, and one more for each
// source that somebody wants. An answer finds its request by the request-id, which is a secret number
// of a slot. There is no goroutine and no buffer for a target: one goroutine receives for a socket and
// goes on with whatever the answers allow.
//
// Everything below the mutex belongs to whoever holds it, from lock to unlock; methods named with
// "locked" expect that.
type Mux struct {
	Metrics     *Metrics
	logger      *slog.Logger
	epoch       time.Time
	Open        func(LocalBinding) (Socket, error)
	Trace       func(*Packet) // nil where nobody wants to see each message
	MaxInFlight int           // requests under way on one socket; 0 means as many as its buffer has room for

	mu           sync.Mutex
	Now          time.Duration          // since epoch, when the mutex was taken
	events       uint64                 // attempts and answers, counted: they have an order where the time is the same
	links        map[LocalBinding]*link // opened when first needed
	loaded       []*link                // those with something to send
	ready        []*Peer                // those to be pumped
	freed        []*link                // those that may have room for peers they hold
	slots        slotTable
	timers       timerWheel
	list, scoped []byte                   // for encoding
	active       map[netip.AddrPort]*Peer // those with requests in flight
	noise        map[netip.AddrPort]int   // frames that came from there and were not asked for
	closed       bool
	running      sync.WaitGroup
}

// New returns a multiplexer without sockets: they are opened when first needed.
func New(m *Metrics, logger *slog.Logger) *Mux {
	p := &Mux{Metrics: m, logger: logger, epoch: time.Now(), Open: openSocket, slots: newSlotTable(), links: map[LocalBinding]*link{}, active: map[netip.AddrPort]*Peer{}, noise: map[netip.AddrPort]int{}}
	m.watch(p)
	return p
}

// Close ends all that is under way. To close a socket waits for its receiver, which may wait for the
// mutex.
func (p *Mux) Close() {
	p.mu.Lock()
	p.closed = true
	p.timers.stop()
	p.mu.Unlock()
	for _, l := range p.links {
		l.Close()
	}
	p.running.Wait()
}

// InternalError counts and logs a fault of the program, and returns the error of the pass that it ends.
func (p *Mux) InternalError(t *Peer, err error) *access.Error {
	p.Metrics.internalError()
	p.logger.Error("internal error ended a poll", "target", t.Address, "err", err)
	return &access.Error{Reason: access.Internal, Err: err}
}

// dropped counts the answers that the system had no room for.
func (p *Mux) dropped() (n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		_, dropped := l.Load()
		n += dropped
	}
	return n
}

// Unknown reports whether the target never answered.
func (p *Mux) Unknown(t *Peer) bool {
	p.Lock()
	defer p.Unlock()
	return t.window.unknown()
}

var errNoBindings = errors.New("a request without variable bindings was to be sent")

// SubmitLocked queues q and sends as much as the window allows.
func (p *Mux) SubmitLocked(q *Query) { p.insertLocked(q, len(q.Peer.waiting)) }

// SubmitFirstLocked is SubmitLocked for a query that others of the peer are not to delay.
func (p *Mux) SubmitFirstLocked(q *Query) { p.insertLocked(q, 0) }

// insertLocked puts q into the queue. A request that asks for nothing fails instead.
func (p *Mux) insertLocked(q *Query, at int) {
	if len(q.Request.OIDs) == 0 {
		q.Dead = true
		q.Owner.CompletedLocked(Answer{}, p.InternalError(q.Peer, errNoBindings))
		return
	}
	q.Peer.waiting = slices.Insert(q.Peer.waiting, at, q)
	p.pumpLocked(q.Peer)
}

// pumpLocked sends as much as the window, the socket and the target's rate allow.
func (p *Mux) pumpLocked(t *Peer) {
	if t.v3 != nil && t.v3.security == nil {
		if len(t.waiting) > 0 && !t.v3.discovering {
			p.discoverLocked(t)
		}
		return
	}
	for len(t.waiting) > 0 && t.allowsLocked() {
		q := t.waiting[0]
		if q.Dead {
			t.nextLocked()
			continue
		}
		l, err := p.linkLocked(t)
		if err != nil {
			t.nextLocked()
			p.endLocked(q, Answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
			continue
		}
		if !l.allowsLocked(t) || !p.pacedLocked(t, q) {
			return
		}
		t.nextLocked()
		p.launchLocked(q)
	}
}

// nextLocked takes the first query off those that wait.
func (t *Peer) nextLocked() {
	t.waiting[0] = nil
	if t.waiting = t.waiting[1:]; len(t.waiting) == 0 {
		t.waiting = nil
	}
}

// launchLocked makes the first attempt.
func (p *Mux) launchLocked(q *Query) {
	t := q.Peer
	t.inFlight = append(t.inFlight, q)
	p.active[t.Address] = t
	q.first = p.Now
	p.sendLocked(q)
}

// pacedLocked reports whether q may go already, where the target gets so many bindings a second and no
// more. If not, the timer will ask again.
func (p *Mux) pacedLocked(t *Peer, q *Query) bool {
	if t.rate <= 0 {
		return true
	}
	now := p.Now
	if now < t.free {
		if q.timer.due == 0 {
			p.timers.set(p, q, t.free)
		}
		return false
	}
	wanted := len(q.Request.OIDs) * max(int(q.Request.Repetitions), 1)
	t.free = now + time.Duration(float64(wanted)/t.rate*float64(time.Second))
	return true
}

// sendLocked makes one attempt.
func (p *Mux) sendLocked(q *Query) {
	now := p.Now
	id := p.slots.take(q)
	if q.attempts == nil {
		q.attempts = q.room[:0]
	}
	q.attempts = append(q.attempts, attempt{id, now})
	if q.since = p.nextEvent(); len(q.attempts) == 1 {
		q.began = q.since
	}
	q.later = 0
	l := q.Peer.link
	before := len(l.out)
	l.out = p.appendQuery(l.out, q, int32(id))
	p.traceSentLocked(q, int32(id), len(l.out)-before)
	p.enqueueLocked(l, q)
	q.Stats.Packets++
	retry := len(q.attempts) > 1
	if retry {
		q.Stats.Retries++
	}
	p.Metrics.Sent(retry)
	p.timers.set(p, q, now+p.patience(q, now))
	n := q.unansweredAttempts()
	if n > 0 {
		p.lookForLocked(q)
	}
	if n > 0 && n >= min(q.Retries, 2) && !q.discovery && !q.Alone {
		p.probeLocked(q)
	}
}

// Event returns the number of the last event.
func (p *Mux) Event() uint64 {
	p.Lock()
	defer p.Unlock()
	return p.events
}

func (p *Mux) nextEvent() uint64 {
	p.events++
	return p.events
}

// patience is how long to wait for the attempt just made. The last one has the rest of the
// budget, for retransmissions may have come faster than the user's timeout.
func (p *Mux) patience(q *Query, now time.Duration) time.Duration {
	left := q.Budget - (now - q.first)
	if len(q.attempts) > q.Retries {
		return left
	}
	return min(q.Peer.window.rto(len(q.attempts)-1, q.Timeout), left)
}

func (p *Mux) appendQuery(b []byte, q *Query, id int32) []byte {
	if q.Peer.v3 != nil {
		return p.appendQuery3(b, q, id)
	}
	pdu := pduOf(q, id, &p.list)
	return snmp.AppendMessage(b, &snmp.Message{
		Version: q.Peer.version, Community: q.Peer.community, PDU: pdu.Type, RequestID: pdu.RequestID,
		ErrorStatus: pdu.ErrorStatus, ErrorIndex: pdu.ErrorIndex, VarBinds: pdu.VarBinds,
	})
}

// pduOf returns the PDU of an attempt. Its bindings are written into list.
func pduOf(q *Query, id int32, list *[]byte) snmp.PDU {
	*list = (*list)[:0]
	for _, v := range q.Request.Values {
		*list = snmp.AppendVarBind(*list, v)
	}
	for _, o := range q.Request.OIDs[len(q.Request.Values):] {
		*list = snmp.AppendVarBind(*list, snmp.VarBind{Name: o, Type: snmp.Null})
	}
	pdu := snmp.PDU{Type: q.Request.PDU, RequestID: id, VarBinds: *list}
	if pdu.Type == snmp.GetBulkRequest {
		pdu.ErrorIndex = int32(q.Request.Repetitions) // max-repetitions, behind 0 non-repeaters
	}
	return pdu
}

// endLocked removes q, notifies its owner and sends the next ones.
func (p *Mux) endLocked(q *Query, a Answer, e *access.Error) {
	if q.Dead {
		return
	}
	p.DropLocked(q)
	q.Owner.CompletedLocked(a, e)
	p.pumpLocked(q.Peer)
}

// DropLocked forgets q without telling anyone.
func (p *Mux) DropLocked(q *Query) {
	q.Dead = true
	for _, a := range q.attempts {
		p.slots.free(a.id)
	}
	t := q.Peer
	if len(q.attempts) == 0 && q.timer.due != 0 {
		p.ready = append(p.ready, t) // others waited for its turn
	}
	p.timers.clear(q)
	if i := slices.Index(t.inFlight, q); i >= 0 {
		t.inFlight = slices.Delete(t.inFlight, i, i+1)
		p.unchargeLocked(q)
	}
	if len(t.inFlight) == 0 {
		t.inFlight = nil // an idle target keeps nothing
		if p.active[t.Address] == t {
			delete(p.active, t.Address)
		}
	}
}

// takeLocked finds the query that a datagram answers. Other datagrams are dropped: they cost the
// query nothing, but its sender's words are kept for the error.
func (p *Mux) takeLocked(b []byte, from netip.AddrPort) {
	if snmp.PeekVersion(b) == snmp.V3 {
		p.take3Locked(b, from)
		return
	}
	m, err := snmp.ParseMessage(b)
	if err != nil {
		p.invalidLocked(from, len(b), err)
		return
	}
	p.traceMessage(from, len(b), &m)
	q := p.slots.find(uint32(m.RequestID))
	switch {
	case q == nil:
		p.unmatchedLocked(uint32(m.RequestID), from, len(b))
		return
	case !q.Peer.at(from):
		q.Peer.noteInvalidLocked(p, otherSourceError{from})
		return
	case m.PDU != snmp.Response || m.Version != q.Peer.version:
		q.Peer.noteInvalidLocked(p, fmt.Errorf("PDU 0x%02x of version %d is no answer", byte(m.PDU), m.Version))
		return
	}
	pdu := snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	p.answerLocked(q, uint32(m.RequestID), &pdu)
}

// answerLocked ends q with the answer in pdu.
func (p *Mux) answerLocked(q *Query, id uint32, pdu *snmp.PDU) {
	count, ok := snmp.CountVarBinds(pdu.VarBinds)
	if !ok {
		q.Peer.noteInvalidLocked(p, snmp.ErrTruncated)
		return
	}
	if len(pdu.VarBinds) > 4*DefaultMaxResponse {
		p.noiseLocked(q.Peer.Address, len(pdu.VarBinds))
	}
	p.measureLocked(q, id)
	p.endLocked(q, Answer{Status: pdu.ErrorStatus, Index: int(pdu.ErrorIndex), List: pdu.VarBinds, Count: count}, nil)
}

// measureLocked takes the round trip of the attempt that was answered, which is exact because each has
// an id of its own.
func (p *Mux) measureLocked(q *Query, id uint32) {
	t, now := q.Peer, p.Now
	t.answered = p.nextEvent()
	t.heard = t.answered
	var sent time.Duration
	for _, a := range q.attempts {
		if a.id == id {
			sent = a.at
		}
	}
	t.window.answered(now-sent, now)
	if id != q.attempts[len(q.attempts)-1].id {
		t.window.spurious(now - sent)
	}
	p.Metrics.Received(now - sent)
	if !q.discovery { // an engine ID is no answer to the user
		q.Stats.Progress.Answer()
	}
	if t.probe == q {
		t.probe = nil // its answer is small, and says nothing of those that are not
		return
	}
	p.hastenLocked(q, sent)
}

// maxHastened bounds the attempts that answers to others bring about: those after a timeout ask for less.
const maxHastened = 2

// hastenLocked finds requests sent before one that was answered that must be lost.
func (p *Mux) hastenLocked(answered *Query, sent time.Duration) {
	t, now := answered.Peer, p.Now
	for i := 0; i < len(t.inFlight); i++ {
		f := t.inFlight[i]
		last := f.attempts[len(f.attempts)-1].at
		if f == answered || last > sent {
			continue
		}
		if f.later++; t.window.overdue(now-last, f.later) && len(f.attempts) <= min(f.Retries, maxHastened) {
			t.window.lost(now)
			p.sendLocked(f)
		}
	}
}

// invalidLocked keeps the reason why a datagram was no answer, for the error of the target that it came
// from.
func (p *Mux) invalidLocked(from netip.AddrPort, size int, err error) {
	p.traceInvalid(from, size, err)
	p.noiseLocked(from, size)
	if t := p.active[from]; t != nil {
		t.noteInvalidLocked(p, err)
	}
}

// noteInvalidLocked keeps why a datagram was no answer.
func (t *Peer) noteInvalidLocked(p *Mux, err error) { t.lastInvalid, t.lastInvalidAt = err, p.Now }

// refusedLocked handles an ICMP error of the host at to, or on the way there: nothing arrives.
func (p *Mux) refusedLocked(to netip.AddrPort, err error) {
	t := p.active[to]
	if t == nil {
		return
	}
	for len(t.inFlight) > 0 {
		p.endLocked(t.inFlight[0], Answer{}, &access.Error{Reason: access.SocketReason(err), Err: access.Explained(err, "udp", to.Port())})
	}
}
