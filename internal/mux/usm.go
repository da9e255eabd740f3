package mux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// usmPeer is the state of a target's SNMPv3 engine (RFC 3414). It belongs to the target, not
// to the engine ID: devices that were cloned share theirs, but neither boots nor time.
type usmPeer struct {
	user          *snmp.User
	security      *snmp.Security // nil while the engine is not known
	fixed         bool           // the engine is the user's word, and no other will do
	clock         snmp.EngineClock
	contextEngine []byte // empty means the target's own
	contextName   []byte
	discovering   bool
	looking       bool // whether the engine is there at all

	// Knowledge of an earlier poll may have become wrong: the device was replaced, or lost its
	// memory. So the first failure of a poll in which nothing was answered yet leads to a new discovery.
	kept    bool // security is of an earlier poll
	proved  bool // a signed answer came in this one
	renewed bool // there was a new discovery in this one

	// A user or password that the device refuses costs it one request a poll. Only when it was accepted
	// before, or every RefusalMemory, the cause is looked for in earlier knowledge of the device.
	accepted bool          // since the discovery and the last refusal, an answer came
	since    time.Duration // of the discovery or the last refusal that did not lead to one

	begun      uint64 // the event before the last poll
	discovered uint64 // the event of the last answer to a discovery; 0 means never
}

// RefusalMemory is how long a device that refuses a user is not discovered anew.
const RefusalMemory = 10 * time.Minute

// newUSMPeer is for a user whose engine is not known yet, or with fixed given once and for all.
func newUSMPeer(user *snmp.User, fixed []byte, contextEngine, contextName string) (*usmPeer, error) {
	u := &usmPeer{user: user, contextEngine: []byte(contextEngine), contextName: []byte(contextName)}
	if len(fixed) == 0 {
		return u, nil
	}
	var err error
	u.fixed = true
	u.security, err = user.Localize(fixed)
	return u, err
}

// beginPollLocked resets the state of the poll before. event is the last before this one.
func (u *usmPeer) beginPollLocked(event uint64) {
	u.kept, u.proved, u.renewed, u.begun = u.security != nil, false, false, event
}

// renewableLocked reports whether a failure may come of knowledge of an earlier poll.
func (u *usmPeer) renewableLocked() bool { return u.kept && !u.proved && !u.renewed && !u.fixed }

// doubtfulLocked reports whether it is likely to.
func (u *usmPeer) doubtfulLocked(now time.Duration) bool {
	return u.renewableLocked() && (u.accepted || now-u.since >= RefusalMemory)
}

// allowsLocked reports whether one more request may be sent. Until one is accepted, that is one at a time.
func (t *Peer) allowsLocked() bool {
	return t.window.allows(len(t.inFlight)) && (t.v3 == nil || t.v3.accepted || len(t.inFlight) == 0)
}

// suspect adds to the failure of a request, or of its last attempt, that an engine ID may be wrong which
// the user set and no answer has confirmed.
func (u *usmPeer) suspect(err error) error {
	if !u.fixed || u.clock.Proved {
		return err
	}
	return EngineIDError(err, u.security.EngineID())
}

// EngineIDError returns err with the question whether the configured engine ID is that of the device.
func EngineIDError(err error, id []byte) error {
	return fmt.Errorf("%w: is %x the device's engine ID?", err, id)
}

// AnnouncedSize is the largest message that we say we take. Answers are kept within a frame by asking
// for no more than fits; agents that heed a small number are known to fall silent instead.
const AnnouncedSize = 65507

// appendQuery3 writes an attempt as an SNMPv3 message.
func (p *Mux) appendQuery3(b []byte, q *Query, id int32) []byte {
	if q.discovery {
		return snmp.AppendDiscovery(b, id, AnnouncedSize)
	}
	u := q.Peer.v3
	h := snmp.Header3{ID: id, MaxSize: AnnouncedSize, Flags: snmp.FlagReportable}
	scoped := snmp.ScopedPDU{PDU: pduOf(q, id, &p.list)}
	h.Boots, h.Time = u.clock.Now(p.Now)
	scoped.ContextEngineID, scoped.ContextName = u.contextEngine, u.contextName
	if len(u.contextEngine) == 0 {
		scoped.ContextEngineID = u.security.EngineID()
	}
	p.scoped = snmp.AppendScopedPDU(p.scoped[:0], &scoped)
	return u.security.Seal(b, &h, p.scoped)
}

// discoverLocked asks a target for its engine ID (RFC 3414 section 4) before anything else is sent.
func (p *Mux) discoverLocked(t *Peer) {
	t.v3.discovering = true
	first := t.waiting[0]
	q := &Query{
		Peer: t, discovery: true, Request: Request{PDU: snmp.GetRequest}, Stats: first.Stats,
		Retries: first.Retries, Timeout: first.Timeout, Budget: first.Budget, first: p.Now,
	}
	q.Owner = OwnerFunc(func(_ Answer, e *access.Error) {
		t.v3.discovering = false
		if e != nil {
			p.FailAllLocked(t, e)
		}
	})
	if _, err := p.linkLocked(t); err != nil {
		q.Owner.CompletedLocked(Answer{}, &access.Error{Reason: access.SocketReason(err), Err: err})
		return
	}
	p.launchLocked(q)
}

// DiscoveredSince reports whether a target answered a discovery after an event.
func (p *Mux) DiscoveredSince(t *Peer, event uint64) bool {
	p.Lock()
	defer p.Unlock()
	return t.v3 != nil && t.v3.discovered > event
}

// lookForLocked asks a target that is silent to q's user whether its engine is there at all. Its answer changes no state.
func (p *Mux) lookForLocked(q *Query) {
	u := q.Peer.v3
	if u == nil || u.proved || u.looking || q.discovery || u.discovered > u.begun {
		return
	}
	u.looking = true
	look := &Query{
		Peer: q.Peer, discovery: true, presence: true, probed: true, Request: Request{PDU: snmp.GetRequest}, Stats: q.Stats,
		Timeout: q.Timeout, Budget: q.Budget - (p.Now - q.first),
	}
	look.Owner = OwnerFunc(func(Answer, *access.Error) { u.looking = false })
	p.launchLocked(look)
}

// FailAllLocked ends all that is asked of a target or is about to be.
func (p *Mux) FailAllLocked(t *Peer, e *access.Error) {
	all := append(slices.Clone(t.inFlight), t.waiting...)
	t.waiting = nil
	for _, q := range all {
		failed := *e
		p.endLocked(q, Answer{}, &failed)
	}
}

// renewLocked forgets a target's engine, and asks again for all that is in flight once it is known
// anew.
func (p *Mux) renewLocked(t *Peer) {
	t.v3.security, t.v3.renewed, t.v3.accepted = nil, true, false
	p.Metrics.Rediscovered()
	var again []*Query
	for len(t.inFlight) > 0 {
		q := t.inFlight[0]
		p.DropLocked(q)
		if q.presence {
			t.v3.looking = false
			continue
		}
		q.Dead, q.attempts, q.resynced = false, nil, false
		again = append(again, q)
	}
	t.waiting = append(again, t.waiting...)
	p.pumpLocked(t)
}

var errNotThere = errors.New("the engine is being discovered")

// take3Locked is takeLocked for SNMPv3.
func (p *Mux) take3Locked(b []byte, from netip.AddrPort) {
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		p.invalidLocked(from, len(b), err)
		return
	}
	q := p.slots.find(uint32(m.ID))
	if q == nil || q.Peer.v3 == nil {
		p.unmatchedLocked(uint32(m.ID), from, len(b))
		return
	}
	if !q.Peer.at(from) {
		q.Peer.noteInvalidLocked(p, otherSourceError{from})
		return
	}
	t := q.Peer
	if q.discovery {
		p.discoveredLocked(q, b, from)
		return
	}
	if t.v3.security == nil {
		t.noteInvalidLocked(p, errNotThere)
		return
	}
	o, err := t.v3.security.Open(b)
	if err != nil {
		p.traceInvalid(from, len(b), err)
		t.noteInvalidLocked(p, err)
		return
	}
	p.traceOpened(from, len(b), &o)
	switch {
	case o.Type == snmp.Report:
		p.reportedLocked(q, &o)
		return
	case o.Type != snmp.Response || o.RequestID != m.ID:
		t.noteInvalidLocked(p, fmt.Errorf("PDU 0x%02x with request-id %d is no answer", byte(o.Type), o.RequestID))
		return
	}
	if err = t.v3.clock.Check(&o, p.Now); err != nil {
		t.noteInvalidLocked(p, err)
		return
	}
	t.v3.proved, t.v3.accepted = true, true
	p.answerLocked(q, uint32(m.ID), &o.PDU)
}

// discoveredLocked takes the engine ID, boots and time from the Report that answers a discovery.
func (p *Mux) discoveredLocked(q *Query, b []byte, from netip.AddrPort) {
	u := q.Peer.v3
	o, err := snmp.OpenDiscovery(b)
	if err != nil {
		q.Peer.noteInvalidLocked(p, err)
		return
	}
	p.traceOpened(from, len(b), &o)
	if q.presence {
		u.discovered = p.nextEvent()
		p.endLocked(q, Answer{}, nil)
		return
	}
	security, err := u.user.Localize(o.EngineID)
	if err != nil {
		q.Peer.noteInvalidLocked(p, err)
		return
	}
	u.security, u.since = security, p.Now
	u.clock.Discovered(&o, p.Now)
	u.discovered = p.nextEvent()
	p.measureLocked(q, uint32(o.ID))
	p.endLocked(q, Answer{}, nil)
}

// reportedLocked deals with a Report in the place of an answer (RFC 3412 section 7.2).
func (p *Mux) reportedLocked(q *Query, o *snmp.Opened) {
	u := q.Peer.v3
	kind := o.PDU.Report()
	report := access.NewReportError(&o.PDU)
	var err error = report
	if kind == snmp.UnknownEngineID {
		err = u.suspect(report)
	}
	last := uint32(o.ID) == q.attempts[len(q.attempts)-1].id
	switch verdict := u.clock.TakeReport(o, last, q.resynced, p.Now); {
	case verdict == snmp.ReportStray:
		q.Peer.noteInvalidLocked(p, report)
	case verdict == snmp.ReportResynced:
		q.resynced = true
		q.Retries++ // the next attempt is no retry: the target is there
		p.sendLocked(q)
	case u.doubtfulLocked(p.Now), kind == snmp.UnknownEngineID && u.renewableLocked():
		p.renewLocked(q.Peer)
	case RefusesUser(report.Reason()):
		if u.accepted {
			u.accepted, u.since = false, p.Now
		}
		p.FailAllLocked(q.Peer, &access.Error{Reason: report.Reason(), Err: report})
	default:
		p.measureLocked(q, uint32(o.ID))
		p.endLocked(q, Answer{}, &access.Error{Reason: report.Reason(), Err: err})
	}
}

// RefusesUser reports whether any other request of the user would fail likewise.
func RefusesUser(r access.Reason) bool {
	switch r {
	case access.UnknownUser, access.WrongDigest, access.UnsupportedLevel, access.Decryption:
		return true
	}
	return false
}
