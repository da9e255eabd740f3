package client

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// usmPeer is what the pipe knows of a target's SNMPv3 engine (RFC 3414). It belongs to the target, not
// to the engine ID: devices that were cloned share theirs, but neither boots nor time.
type usmPeer struct {
	user          *snmp.User
	nobody        *snmp.Security // for discoveries
	security      *snmp.Security // nil while the engine is not known
	fixed         bool           // the engine is the user's word, and no other will do
	clock         snmp.EngineClock
	contextEngine []byte // empty means the target's own
	contextName   []byte
	discovering   bool
	looking       bool // whether the engine is there at all

	// What was learnt in an earlier poll may have become wrong: the device was replaced, or lost its
	// memory. So the first failure of a poll in which nothing was answered yet leads to a new discovery.
	kept    bool // security is of an earlier poll
	proved  bool // a signed answer came in this one
	renewed bool // there was a new discovery in this one

	// A user or password that the device refuses costs it one request a poll. Only when it was accepted
	// before, or every refusalMemory, the cause is looked for in what was learnt of the device.
	accepted bool          // since the discovery and the last refusal, an answer came
	since    time.Duration // of the discovery or the last refusal that did not lead to one

	begun      uint64 // the event before the last poll
	discovered uint64 // the event of the last answer to a discovery; 0 means never
}

// refusalMemory is how long a device that refuses a user is not discovered anew.
const refusalMemory = 10 * time.Minute

// newUSMPeer is for a user whose engine is not known yet, or with fixed given once and for all.
func newUSMPeer(user *snmp.User, fixed []byte, contextEngine, contextName string) (*usmPeer, error) {
	nobody, err := (&snmp.User{}).Localize(nil)
	if err != nil {
		return nil, err
	}
	u := &usmPeer{user: user, nobody: nobody, contextEngine: []byte(contextEngine), contextName: []byte(contextName)}
	if len(fixed) > 0 {
		u.fixed = true
		u.security, err = user.Localize(fixed)
	}
	return u, err
}

// beginPollLocked forgets what was proved in the poll before. event is the last before this one.
func (u *usmPeer) beginPollLocked(event uint64) {
	u.kept, u.proved, u.renewed, u.begun = u.security != nil, false, false, event
}

// renewableLocked tells whether a failure may come of what was learnt in an earlier poll.
func (u *usmPeer) renewableLocked() bool { return u.kept && !u.proved && !u.renewed && !u.fixed }

// doubtfulLocked tells whether it is likely to.
func (u *usmPeer) doubtfulLocked(now time.Duration) bool {
	return u.renewableLocked() && (u.accepted || now-u.since >= refusalMemory)
}

// allowsLocked tells whether one more request may be sent. Until one is accepted, that is one at a time.
func (t *peer) allowsLocked() bool {
	return t.window.allows(len(t.flying)) && (t.v3 == nil || t.v3.accepted || len(t.flying) == 0)
}

// suspect adds to the failure of a request, or of its last attempt, that an engine ID may be wrong which
// the user set and no answer has confirmed.
func (u *usmPeer) suspect(err error) error {
	if !u.fixed || u.clock.Proved {
		return err
	}
	return engineIDError(err, u.security.EngineID())
}

func engineIDError(err error, id []byte) error {
	return fmt.Errorf("%w: is %x the device's engine ID?", err, id)
}

// announcedSize is the largest message that we say we take. Answers are kept within a frame by asking
// for no more than fits; agents that heed a small number are known to fall silent instead.
const announcedSize = 65507

// appendQuery3 writes an attempt as an SNMPv3 message.
func (p *pipe) appendQuery3(b []byte, q *query, id int32) []byte {
	u := q.peer.v3
	h := snmp.Header3{ID: id, MaxSize: announcedSize, Flags: snmp.FlagReportable}
	scoped := snmp.ScopedPDU{PDU: pduOf(q, id, &p.list)}
	if q.discovery {
		p.scoped = snmp.AppendScopedPDU(p.scoped[:0], &scoped)
		return u.nobody.Seal(b, &h, p.scoped)
	}
	h.Boots, h.Time = u.clock.Now(p.now)
	scoped.ContextEngineID, scoped.ContextName = u.contextEngine, u.contextName
	if len(u.contextEngine) == 0 {
		scoped.ContextEngineID = u.security.EngineID()
	}
	p.scoped = snmp.AppendScopedPDU(p.scoped[:0], &scoped)
	return u.security.Seal(b, &h, p.scoped)
}

// discoverLocked asks a target for its engine ID (RFC 3414 section 4) before anything else is sent.
func (p *pipe) discoverLocked(t *peer) {
	t.v3.discovering = true
	first := t.waiting[0]
	q := &query{
		peer: t, discovery: true, request: request{pdu: snmp.GetRequest}, stats: first.stats,
		retries: first.retries, timeout: first.timeout, budget: first.budget, first: p.now,
	}
	q.by = askerFunc(func(_ answer, e *access.Error) {
		t.v3.discovering = false
		if e != nil {
			p.failAllLocked(t, e)
		}
	})
	if _, err := p.linkLocked(t); err != nil {
		q.by.answeredLocked(answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
		return
	}
	p.launchLocked(q)
}

// discoveredSince tells whether a target answered a discovery after an event.
func (p *pipe) discoveredSince(t *peer, event uint64) bool {
	p.lock()
	defer p.unlock()
	return t.v3 != nil && t.v3.discovered > event
}

// lookForLocked asks a target that is silent to q's user whether its engine is there at all. Nothing is learnt of it.
func (p *pipe) lookForLocked(q *query) {
	u := q.peer.v3
	if u == nil || u.proved || u.looking || q.discovery || u.discovered > u.begun {
		return
	}
	u.looking = true
	look := &query{
		peer: q.peer, discovery: true, presence: true, probed: true, request: request{pdu: snmp.GetRequest}, stats: q.stats,
		timeout: q.timeout, budget: q.budget - (p.now - q.first),
	}
	look.by = askerFunc(func(answer, *access.Error) { u.looking = false })
	p.launchLocked(look)
}

// failAllLocked ends all that is asked of a target or is about to be.
func (p *pipe) failAllLocked(t *peer, e *access.Error) {
	all := append(slices.Clone(t.flying), t.waiting...)
	t.waiting = nil
	for _, q := range all {
		failed := *e
		p.endLocked(q, answer{}, &failed)
	}
}

// renewLocked forgets a target's engine, and asks again for all that is in flight once it is known
// anew.
func (p *pipe) renewLocked(t *peer) {
	t.v3.security, t.v3.renewed, t.v3.accepted = nil, true, false
	p.metrics.rediscovered()
	var again []*query
	for len(t.flying) > 0 {
		q := t.flying[0]
		p.dropLocked(q)
		if q.presence {
			t.v3.looking = false
			continue
		}
		q.dead, q.attempts, q.resynced = false, nil, false
		again = append(again, q)
	}
	t.waiting = append(again, t.waiting...)
	p.pumpLocked(t)
}

var errNotThere = errors.New("the engine is being discovered")

// take3Locked is takeLocked for SNMPv3.
func (p *pipe) take3Locked(b []byte, from netip.AddrPort) {
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		p.strangeLocked(from, len(b), err)
		return
	}
	q := p.slots.find(uint32(m.ID))
	if q == nil || q.peer.v3 == nil {
		p.unmatchedLocked(uint32(m.ID), from, len(b))
		return
	}
	if !q.peer.at(from) {
		q.peer.deviatesLocked(p, strayError{from})
		return
	}
	t := q.peer
	if q.discovery {
		p.discoveredLocked(q, b, from)
		return
	}
	if t.v3.security == nil {
		t.deviatesLocked(p, errNotThere)
		return
	}
	o, err := t.v3.security.Open(b)
	if err != nil {
		p.traceStrange(from, len(b), err)
		t.deviatesLocked(p, err)
		return
	}
	p.traceOpened(from, len(b), &o)
	switch {
	case o.Type == snmp.Report:
		p.reportedLocked(q, &o)
		return
	case o.Type != snmp.Response || o.RequestID != m.ID:
		t.deviatesLocked(p, fmt.Errorf("PDU 0x%02x with request-id %d is no answer", byte(o.Type), o.RequestID))
		return
	case o.Authenticated && !t.v3.clock.Update(o.Boots, o.Time, p.now):
		t.deviatesLocked(p, errors.New("the answer is outside of the time window"))
		return
	}
	t.v3.proved, t.v3.accepted = true, true
	p.answerLocked(q, uint32(m.ID), &o.PDU)
}

// discoveredLocked takes the engine ID from a Report, as nobody could sign it. So are its boots and
// time, which hold until a signed message says otherwise.
func (p *pipe) discoveredLocked(q *query, b []byte, from netip.AddrPort) {
	u := q.peer.v3
	o, err := u.nobody.Open(b)
	if err != nil || o.Type != snmp.Report {
		q.peer.deviatesLocked(p, errors.Join(errors.New("no Report came of the discovery"), err))
		return
	}
	p.traceOpened(from, len(b), &o)
	if q.presence {
		u.discovered = p.nextEvent()
		p.endLocked(q, answer{}, nil)
		return
	}
	security, err := u.user.Localize(o.EngineID)
	if err != nil {
		q.peer.deviatesLocked(p, err)
		return
	}
	u.security, u.clock, u.since = security, snmp.EngineClock{}, p.now
	u.clock.Suggest(o.Boots, o.Time, p.now)
	u.discovered = p.nextEvent()
	p.measureLocked(q, uint32(o.ID))
	p.endLocked(q, answer{}, nil)
}

// reportedLocked deals with a Report in the place of an answer (RFC 3412 section 7.2).
func (p *pipe) reportedLocked(q *query, o *snmp.Opened) {
	u := q.peer.v3
	kind := o.PDU.Report()
	report := access.NewReportError(&o.PDU)
	var err error = report
	if kind == snmp.UnknownEngineID {
		err = u.suspect(report)
	}
	switch {
	case kind == snmp.NotInTimeWindow && (!o.Authenticated || uint32(o.ID) != q.attempts[len(q.attempts)-1].id):
		q.peer.deviatesLocked(p, report) // of a stranger, or of an attempt before the clock was set
	case kind == snmp.NotInTimeWindow && !q.resynced:
		u.clock.Adopt(o.Boots, o.Time, p.now)
		q.resynced = true
		q.retries++ // what follows is no retry: the target is there
		p.sendLocked(q)
	case u.doubtfulLocked(p.now), kind == snmp.UnknownEngineID && u.renewableLocked():
		p.renewLocked(q.peer)
	case refusesUser(report.Reason()):
		if u.accepted {
			u.accepted, u.since = false, p.now
		}
		p.failAllLocked(q.peer, &access.Error{Reason: report.Reason(), Err: report})
	default:
		p.measureLocked(q, uint32(o.ID))
		p.endLocked(q, answer{}, &access.Error{Reason: report.Reason(), Err: err})
	}
}

// refusesUser tells failures that any other request of the user would have too.
func refusesUser(r access.Reason) bool {
	switch r {
	case access.UnknownUser, access.WrongDigest, access.UnsupportedLevel, access.Decryption:
		return true
	}
	return false
}
