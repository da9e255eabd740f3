package client

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

// pipe carries the requests of all targets over one socket for each IP version, and one more for each
// source that somebody wants. An answer finds its request by the request-id, which is a secret number
// of a slot. There is no goroutine and no buffer for a target: one goroutine receives for a socket and
// goes on with whatever the answers allow.
//
// Everything below the mutex belongs to whoever holds it, from lock to unlock; methods named with
// "locked" expect that.
type pipe struct {
	metrics     *Metrics
	logger      *slog.Logger
	epoch       time.Time
	open        func(outlet) (socket, error)
	trace       func(*Packet) // nil where nobody wants to see each message
	maxInFlight int           // requests under way on one socket; 0 means as many as its buffer has room for

	mu           sync.Mutex
	now          time.Duration    // since epoch, when the mutex was taken
	events       uint64           // attempts and answers, counted: they have an order where the time is the same
	links        map[outlet]*link // opened when first needed
	loaded       []*link          // those with something to send
	ready        []*peer          // those to be pumped
	freed        []*link          // those that may have room for peers they hold
	slots        slotTable
	timers       timerWheel
	list, scoped []byte                   // for encoding
	active       map[netip.AddrPort]*peer // those with requests in flight
	noise        map[netip.AddrPort]int   // frames that came from there and were not asked for
	closed       bool
	running      sync.WaitGroup
}

func newPipe(m *Metrics, logger *slog.Logger) *pipe {
	p := &pipe{metrics: m, logger: logger, epoch: time.Now(), open: openSocket, slots: newSlotTable(), links: map[outlet]*link{}, active: map[netip.AddrPort]*peer{}, noise: map[netip.AddrPort]int{}}
	m.watch(p)
	return p
}

// close ends all that is under way. To close a socket waits for its receiver, which may wait for the
// mutex.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	p.timers.stop()
	p.mu.Unlock()
	for _, l := range p.links {
		l.close()
	}
	p.running.Wait()
}

// internalError counts and logs a fault of the program, and returns the error of the pass that it ends.
func (p *pipe) internalError(t *peer, err error) *access.Error {
	p.metrics.internalError()
	p.logger.Error("internal error ended a poll", "target", t.address, "err", err)
	return &access.Error{Reason: access.Internal, Err: err}
}

// dropped counts the answers that the system had no room for.
func (p *pipe) dropped() (n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		_, dropped := l.load()
		n += dropped
	}
	return n
}

// unknown tells whether the target never answered.
func (p *pipe) unknown(t *peer) bool {
	p.lock()
	defer p.unlock()
	return t.window.unknown()
}

var errNoBindings = errors.New("a request without variable bindings was to be sent")

// submitLocked queues q and sends what the window allows.
func (p *pipe) submitLocked(q *query) { p.insertLocked(q, len(q.peer.waiting)) }

// hurryLocked is submitLocked for a query that others of the peer are not to delay.
func (p *pipe) hurryLocked(q *query) { p.insertLocked(q, 0) }

// insertLocked puts q into the queue. A request that asks for nothing fails instead.
func (p *pipe) insertLocked(q *query, at int) {
	if len(q.request.oids) == 0 {
		q.dead = true
		q.by.answeredLocked(answer{}, p.internalError(q.peer, errNoBindings))
		return
	}
	q.peer.waiting = slices.Insert(q.peer.waiting, at, q)
	p.pumpLocked(q.peer)
}

// pumpLocked sends what the window, the socket and the target's pace allow.
func (p *pipe) pumpLocked(t *peer) {
	if t.v3 != nil && t.v3.security == nil {
		if len(t.waiting) > 0 && !t.v3.discovering {
			p.discoverLocked(t)
		}
		return
	}
	for len(t.waiting) > 0 && t.allowsLocked() {
		q := t.waiting[0]
		if q.dead {
			t.nextLocked()
			continue
		}
		l, err := p.linkLocked(t)
		if err != nil {
			t.nextLocked()
			p.endLocked(q, answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
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
func (t *peer) nextLocked() {
	t.waiting[0] = nil
	if t.waiting = t.waiting[1:]; len(t.waiting) == 0 {
		t.waiting = nil
	}
}

// launchLocked makes the first attempt.
func (p *pipe) launchLocked(q *query) {
	t := q.peer
	t.flying = append(t.flying, q)
	p.active[t.address] = t
	q.first = p.now
	p.sendLocked(q)
}

// pacedLocked tells whether q may go already, where the target gets so many bindings a second and no
// more. If not, the timer will ask again.
func (p *pipe) pacedLocked(t *peer, q *query) bool {
	if t.rate <= 0 {
		return true
	}
	now := p.now
	if now < t.free {
		if q.timer.due == 0 {
			p.timers.set(p, q, t.free)
		}
		return false
	}
	wanted := len(q.request.oids) * max(int(q.request.repetitions), 1)
	t.free = now + time.Duration(float64(wanted)/t.rate*float64(time.Second))
	return true
}

// sendLocked makes one attempt.
func (p *pipe) sendLocked(q *query) {
	now := p.now
	id := p.slots.take(q)
	if q.attempts == nil {
		q.attempts = q.room[:0]
	}
	q.attempts = append(q.attempts, attempt{id, now})
	if q.since = p.nextEvent(); len(q.attempts) == 1 {
		q.began = q.since
	}
	q.later = 0
	l := q.peer.link
	before := len(l.out)
	l.out = p.appendQuery(l.out, q, int32(id))
	p.traceSentLocked(q, int32(id), len(l.out)-before)
	p.enqueueLocked(l, q)
	q.stats.Packets++
	retry := len(q.attempts) > 1
	if retry {
		q.stats.Retries++
	}
	p.metrics.sent(retry)
	p.timers.set(p, q, now+p.patience(q, now))
	n := q.unansweredAttempts()
	if n > 0 {
		p.lookForLocked(q)
	}
	if n > 0 && n >= min(q.retries, 2) && !q.discovery && !q.alone {
		p.probeLocked(q)
	}
}

// event gives the number of the last event.
func (p *pipe) event() uint64 {
	p.lock()
	defer p.unlock()
	return p.events
}

func (p *pipe) nextEvent() uint64 {
	p.events++
	return p.events
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
		ErrorStatus: pdu.ErrorStatus, ErrorIndex: pdu.ErrorIndex, VarBinds: pdu.VarBinds,
	})
}

// pduOf gives the PDU of an attempt. Its bindings are written into list.
func pduOf(q *query, id int32, list *[]byte) snmp.PDU {
	*list = (*list)[:0]
	for _, v := range q.request.values {
		*list = snmp.AppendVarBind(*list, v)
	}
	for _, o := range q.request.oids[len(q.request.values):] {
		*list = snmp.AppendVarBind(*list, snmp.VarBind{Name: o, Type: snmp.Null})
	}
	pdu := snmp.PDU{Type: q.request.pdu, RequestID: id, VarBinds: *list}
	if pdu.Type == snmp.GetBulkRequest {
		pdu.ErrorIndex = int32(q.request.repetitions) // max-repetitions, behind 0 non-repeaters
	}
	return pdu
}

// endLocked takes q out of flight, tells its owner and lets the next ones go.
func (p *pipe) endLocked(q *query, a answer, e *access.Error) {
	if q.dead {
		return
	}
	p.dropLocked(q)
	q.by.answeredLocked(a, e)
	p.pumpLocked(q.peer)
}

// dropLocked forgets q without telling anyone.
func (p *pipe) dropLocked(q *query) {
	q.dead = true
	for _, a := range q.attempts {
		p.slots.free(a.id)
	}
	t := q.peer
	if len(q.attempts) == 0 && q.timer.due != 0 {
		p.ready = append(p.ready, t) // others waited for its turn
	}
	p.timers.clear(q)
	if i := slices.Index(t.flying, q); i >= 0 {
		t.flying = slices.Delete(t.flying, i, i+1)
		p.unchargeLocked(q)
	}
	if len(t.flying) == 0 {
		t.flying = nil // an idle target keeps nothing
		if p.active[t.address] == t {
			delete(p.active, t.address)
		}
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
		p.strangeLocked(from, len(b), err)
		return
	}
	p.traceMessage(from, len(b), &m)
	q := p.slots.find(uint32(m.RequestID))
	switch {
	case q == nil:
		p.unmatchedLocked(uint32(m.RequestID), from, len(b))
		return
	case !q.peer.at(from):
		q.peer.deviatesLocked(p, strayError{from})
		return
	case m.PDU != snmp.Response || m.Version != q.peer.version:
		q.peer.deviatesLocked(p, fmt.Errorf("PDU 0x%02x of version %d is no answer", byte(m.PDU), m.Version))
		return
	}
	pdu := snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	p.answerLocked(q, uint32(m.RequestID), &pdu)
}

// answerLocked ends q with what pdu says.
func (p *pipe) answerLocked(q *query, id uint32, pdu *snmp.PDU) {
	count, ok := snmp.CountVarBinds(pdu.VarBinds)
	if !ok {
		q.peer.deviatesLocked(p, snmp.ErrTruncated)
		return
	}
	if len(pdu.VarBinds) > 4*DefaultMaxResponse {
		p.noiseLocked(q.peer.address, len(pdu.VarBinds))
	}
	p.measureLocked(q, id)
	p.endLocked(q, answer{status: pdu.ErrorStatus, index: int(pdu.ErrorIndex), list: pdu.VarBinds, count: count}, nil)
}

// measureLocked takes the round trip of the attempt that was answered, which is exact because each has
// an id of its own.
func (p *pipe) measureLocked(q *query, id uint32) {
	t, now := q.peer, p.now
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
	p.metrics.received(now - sent)
	if !q.discovery { // an engine ID is no answer to the user
		q.stats.progress.Answer()
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
func (p *pipe) hastenLocked(answered *query, sent time.Duration) {
	t, now := answered.peer, p.now
	for i := 0; i < len(t.flying); i++ {
		f := t.flying[i]
		last := f.attempts[len(f.attempts)-1].at
		if f == answered || last > sent {
			continue
		}
		if f.later++; t.window.overdue(now-last, f.later) && len(f.attempts) <= min(f.retries, maxHastened) {
			t.window.lost(now)
			p.sendLocked(f)
		}
	}
}

// strangeLocked keeps the reason why a datagram was no answer, for the error of the target that it came
// from.
func (p *pipe) strangeLocked(from netip.AddrPort, size int, err error) {
	p.traceStrange(from, size, err)
	p.noiseLocked(from, size)
	if t := p.active[from]; t != nil {
		t.deviatesLocked(p, err)
	}
}

// deviatesLocked keeps why a datagram was no answer.
func (t *peer) deviatesLocked(p *pipe, err error) { t.strange, t.strangeAt = err, p.now }

// refusedLocked is told by the host at to, or on the way there, that nothing arrives.
func (p *pipe) refusedLocked(to netip.AddrPort, err error) {
	t := p.active[to]
	if t == nil {
		return
	}
	for len(t.flying) > 0 {
		p.endLocked(t.flying[0], answer{}, &access.Error{Reason: access.SocketReason(err), Err: access.Explained(err, "udp", to.Port())})
	}
}
