package mux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// A request that is not answered says little: the target may be gone, the network may lose packets, the
// answer may be too large for the agent, or one object may upset it. So the target is probed beside the last
// attempts. If it answers anything after these, the request is to blame and not the target.

// ProbeName is the name in a probe, a GETNEXT: every MIB has a successor of it.
var ProbeName = snmp.MustParseOID("1.3.6.1.2.1.1")

// expireLocked is called when an attempt was not answered in time.
func (p *Mux) expireLocked(q *Query) {
	t, now := q.Peer, p.Now
	if len(q.attempts) == 0 {
		p.pumpLocked(t) // its turn has come
		return
	}
	if t.v3 != nil && !q.discovery && t.v3.doubtfulLocked(now) {
		p.renewLocked(t)
		return
	}
	sent := len(q.attempts)
	alive := t.heard > q.since
	switch {
	case alive && sent > 1 && len(q.Request.OIDs) > 1 && q.Request.Repetitions <= 1:
		p.unansweredLocked(q, alive) // it may be too much for one answer, which nothing makes smaller
		return
	case sent > q.Retries && !q.probed && !q.discovery && !q.Alone:
		q.Budget, q.since = q.Budget+q.Timeout, p.nextEvent()
		p.probeLocked(q)
		p.timers.set(p, q, now+q.Timeout)
		return
	case sent > q.Retries:
		p.unansweredLocked(q, alive)
		return
	}
	t.window.lost(now)
	if r := &q.Request; r.PDU == snmp.GetBulkRequest && sent > 1 {
		r.Repetitions = max(r.Repetitions/2, 1) // some agents say nothing where the answer would be too big
	}
	p.sendLocked(q)
}

// probeLocked asks whether q's target answers anything.
func (p *Mux) probeLocked(q *Query) {
	t := q.Peer
	p.lookForLocked(q)
	if q.probed = true; t.probe != nil {
		return
	}
	probe := &Query{
		Peer: t, Request: Request{PDU: snmp.GetNextRequest, OIDs: []snmp.OID{ProbeName}}, Stats: q.Stats,
		Timeout: q.Timeout, Budget: q.Budget - (p.Now - q.first), probed: true,
	}
	probe.Owner = OwnerFunc(func(Answer, *access.Error) {
		if t.probe == probe {
			t.probe = nil
		}
	})
	t.probe = probe
	if !t.window.unknown() {
		probe.Retries = q.Retries // there is time for them
	}
	p.launchLocked(probe)
}

// Leave ends the questions whether a target is there once nothing else is asked of it. They would outlive a poll that
// was ended before its requests, and hold back those of the next one: see allowsLocked.
func (p *Mux) Leave(t *Peer) {
	p.Lock()
	defer p.Unlock()
	wanted := func(q *Query) bool { return !q.Dead && q != t.probe && !q.presence }
	if !slices.ContainsFunc(t.inFlight, wanted) && !slices.ContainsFunc(t.waiting, wanted) {
		p.FailAllLocked(t, &access.Error{Reason: access.Canceled, Err: context.Canceled})
	}
}

// unansweredLocked ends q without an answer.
func (p *Mux) unansweredLocked(q *Query, alive bool) {
	t := q.Peer
	if !alive {
		t.window.silent()
	}
	for _, a := range q.attempts {
		t.abandoned[t.abandonedAt%len(t.abandoned)] = a.id
		t.abandonedAt++
	}
	e := t.unansweredError(q)
	if t.v3 != nil {
		e.Err = t.v3.suspect(e.Err)
	}
	switch {
	case q.discovery:
	case alive:
		e.Alive, e.OID = true, q.Request.OIDs[0]
	case q.Stats.Progress.Answered():
		// It answered earlier in this poll: rows that arrived count, and nothing more is requested.
		e.Alive, e.OID, e.Silenced = true, q.Request.OIDs[0], true
	}
	p.endLocked(q, Answer{}, e)
}

// unansweredError is the error of a request without an answer. It names the datagrams that came instead.
func (t *Peer) unansweredError(q *Query) *access.Error {
	var strange error
	if t.lastInvalidAt >= q.first {
		strange = t.lastInvalid
	}
	late := t.heard > q.began && t.answered < q.began
	return SilenceError(len(q.attempts)-1, strange, late)
}

var errTooLate = errors.New("answers come after it; set a longer timeout")

// SilenceError is the error of a request of which so many retries were not answered either, and of the datagrams that came
// in the place of an answer.
func SilenceError(retries int, strange error, late bool) *access.Error {
	err := fmt.Errorf("request timeout (after %d retries)", retries)
	var stray otherSourceError
	var report *access.ReportError
	switch {
	case errors.As(strange, &stray):
		return &access.Error{Reason: access.Timeout, Err: fmt.Errorf("%w: %w", err, stray)}
	case errors.As(strange, &report):
		return &access.Error{Reason: report.Reason(), Err: fmt.Errorf("%w: %w, without authentication", err, report)}
	case strange != nil:
		return &access.Error{Reason: access.Malformed, Err: fmt.Errorf("%w: the last datagram was invalid: %w", err, strange)}
	case late:
		return &access.Error{Reason: access.Late, Err: fmt.Errorf("%w: %w", err, errTooLate)}
	}
	return &access.Error{Reason: access.Timeout, Err: err}
}

// otherSourceError is an answer from elsewhere than was asked, which proves nothing.
type otherSourceError struct{ from netip.AddrPort }

func (e otherSourceError) Error() string { return fmt.Sprintf("something answered from %s", e.from) }

// unmatchedLocked takes a datagram whose id no outstanding request has. It may be the answer to one that
// was given up, or come a second time, which says nothing.
func (p *Mux) unmatchedLocked(id uint32, from netip.AddrPort, size int) {
	err := fmt.Errorf("no outstanding request has the id %d", id)
	t := p.active[from]
	switch {
	case t != nil && slices.Contains(t.abandoned[:], id):
		p.traceInvalid(from, size, err)
		t.heard = p.nextEvent()
	case p.slots.issued(id):
		p.traceInvalid(from, size, err)
		p.noiseLocked(from, size)
	default:
		p.invalidLocked(from, size, err)
	}
}
