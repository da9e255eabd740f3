package client

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

// probeName is what a probe asks for the successor of: in every MIB something follows.
var probeName = snmp.MustParseOID("1.3.6.1.2.1.1")

// expireLocked is called when an attempt was not answered in time.
func (p *pipe) expireLocked(q *query) {
	t, now := q.peer, p.now
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
	case alive && sent > 1 && len(q.request.oids) > 1 && q.request.repetitions <= 1:
		p.unansweredLocked(q, alive) // it may be too much for one answer, which nothing makes smaller
		return
	case sent > q.retries && !q.probed && !q.discovery && !q.alone:
		q.budget, q.since = q.budget+q.timeout, p.nextEvent()
		p.probeLocked(q)
		p.timers.set(p, q, now+q.timeout)
		return
	case sent > q.retries:
		p.unansweredLocked(q, alive)
		return
	}
	t.window.lost(now)
	if r := &q.request; r.pdu == snmp.GetBulkRequest && sent > 1 {
		r.repetitions = max(r.repetitions/2, 1) // some agents say nothing where the answer would be too big
	}
	p.sendLocked(q)
}

// probeLocked asks whether q's target answers anything.
func (p *pipe) probeLocked(q *query) {
	t := q.peer
	p.lookForLocked(q)
	if q.probed = true; t.probe != nil {
		return
	}
	probe := &query{
		peer: t, request: request{pdu: snmp.GetNextRequest, oids: []snmp.OID{probeName}}, stats: q.stats,
		timeout: q.timeout, budget: q.budget - (p.now - q.first), probed: true,
	}
	probe.by = askerFunc(func(answer, *access.Error) {
		if t.probe == probe {
			t.probe = nil
		}
	})
	t.probe = probe
	if !t.window.unknown() {
		probe.retries = q.retries // there is time for them
	}
	p.launchLocked(probe)
}

// leave ends the questions whether a target is there once nothing else is asked of it. They would outlive a poll that
// was ended before its requests, and hold back those of the next one: see allowsLocked.
func (p *pipe) leave(t *peer) {
	p.lock()
	defer p.unlock()
	wanted := func(q *query) bool { return !q.dead && q != t.probe && !q.presence }
	if !slices.ContainsFunc(t.flying, wanted) && !slices.ContainsFunc(t.waiting, wanted) {
		p.failAllLocked(t, &access.Error{Reason: access.Canceled, Err: context.Canceled})
	}
}

// unansweredLocked gives q up.
func (p *pipe) unansweredLocked(q *query, alive bool) {
	t := q.peer
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
		e.Alive, e.OID = true, q.request.oids[0]
	case q.stats.progress.Answered():
		// It answered in this pass, and does not now: what arrived counts, and nothing more is asked for.
		e.Alive, e.OID, e.Silenced = true, q.request.oids[0], true
	}
	p.endLocked(q, answer{}, e)
}

// unansweredError is the error of a request without an answer. It says what came in the place of one.
func (t *peer) unansweredError(q *query) *access.Error {
	var strange error
	if t.strangeAt >= q.first {
		strange = t.strange
	}
	late := t.heard > q.began && t.answered < q.began
	return silenceError(len(q.attempts)-1, strange, late)
}

var errTooLate = errors.New("answers come after it; set a longer timeout")

// silenceError is the error of a request of which so many retries were not answered either, with what came
// in the place of an answer.
func silenceError(retries int, strange error, late bool) *access.Error {
	err := fmt.Errorf("request timeout (after %d retries)", retries)
	var stray strayError
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

// strayError is an answer from elsewhere than was asked, which proves nothing.
type strayError struct{ from netip.AddrPort }

func (e strayError) Error() string { return fmt.Sprintf("something answered from %s", e.from) }

// unmatchedLocked takes a datagram whose id no outstanding request has. It may be the answer to one that
// was given up, or come a second time, which says nothing.
func (p *pipe) unmatchedLocked(id uint32, from netip.AddrPort, size int) {
	err := fmt.Errorf("no outstanding request has the id %d", id)
	t := p.active[from]
	switch {
	case t != nil && slices.Contains(t.abandoned[:], id):
		p.traceStrange(from, size, err)
		t.heard = p.nextEvent()
	case p.slots.issued(id):
		p.traceStrange(from, size, err)
		p.noiseLocked(from, size)
	default:
		p.strangeLocked(from, size, err)
	}
}
