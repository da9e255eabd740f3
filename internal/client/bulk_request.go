package client

import (
	"errors"
	"fmt"
	"slices"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// bulkRequest is one request for the next rows of one or more segments.
type bulkRequest struct {
	mux.Query
	walk     *tableWalk
	split    *splitRequest // nil but for the first request of a segment behind one that was split
	segments []*segment
	rows     int // asked for, of each
	room     struct {
		segments [1]*segment
		oids     [1]snmp.OID
	}
}

// requestLocked sends for the next rows of shares, the last of which wants the most.
func (s *tableWalk) requestLocked(shares []share) {
	a := &bulkRequest{walk: s}
	a.segments, a.rows = a.room.segments[:0], shares[len(shares)-1].rows
	r := mux.Request{PDU: snmp.GetBulkRequest, Repetitions: uint32(a.rows)}
	if s.params.v1 {
		r.PDU, r.Repetitions = snmp.GetNextRequest, 0
	}
	r.OIDs = a.room.oids[:0]
	a.split, shares[0].segment.split = shares[0].segment.split, nil // such a segment is alone
	for _, x := range shares {
		a.segments = append(a.segments, x.segment)
		r.OIDs = append(r.OIDs, x.segment.last)
	}
	s.prepare(&a.Query, r, a)
	if len(s.requests) > 2*s.outstanding+8 {
		s.requests = slices.DeleteFunc(s.requests, func(a *bulkRequest) bool { return a.Dead })
	}
	s.requests = append(s.requests, a)
	s.outstanding++
	s.mux.SubmitLocked(&a.Query)
}

// CompletedLocked takes an answer for its segments.
func (a *bulkRequest) CompletedLocked(got mux.Answer, e *access.Error) {
	s := a.walk
	s.outstanding--
	switch {
	case s.failed != nil:
		return
	case e != nil:
		a.failedLocked(e)
		return
	}
	s.answered = true
	before := s.device.capacity.max
	a.split.segmentDoneLocked(s)
	switch {
	case got.Status != snmp.NoError:
		a.refusedLocked(got)
	case len(got.List) == 0:
		a.emptyLocked()
	default:
		a.acceptLocked(got)
	}
	if s.device.capacity.max != before {
		s.withdrawLocked()
	}
	s.dispatchLocked()
}

// withdrawLocked takes back requests that wait to be sent and ask for more than the agent answers to.
func (s *tableWalk) withdrawLocked() {
	for _, a := range s.requests {
		size := len(a.segments) * a.rows
		if a.Dead || a.SentLocked() || s.device.capacity.cap(size) == size {
			continue
		}
		s.mux.DropLocked(&a.Query)
		s.outstanding--
		a.againLocked(false)
	}
}

// failedLocked deals with a request that was not answered. If the target lives, a part of it is to blame.
func (a *bulkRequest) failedLocked(e *access.Error) {
	s := a.walk
	switch {
	case e.Ends():
		s.abandonLocked(e)
	case e.OID == nil:
		s.failLocked(e)
	case len(a.segments) > 1:
		a.splitLocked()
	case !a.segments[0].stale:
		g := a.segments[0]
		g.column.alone = true
		g.column.incomplete(g, e.Reason, e.Err)
		g.column.stopLocked(g)
	}
	s.dispatchLocked()
}

// splitLocked asks for the segments one by one, after an answer to all of them did not come. If each is
// answered then, it would have been too large.
func (a *bulkRequest) splitLocked() {
	x := &splitRequest{bindings: len(a.segments) * max(int(a.Request.Repetitions), 1)}
	for _, g := range a.segments {
		if !g.stale {
			x.left++
			g.split = x
		}
	}
	a.againLocked(true)
}

// splitRequest is a request that was not answered, and whose segments are asked for one by one.
type splitRequest struct {
	bindings int
	left     int // segments not answered
}

// segmentDoneLocked notes that one segment's request was answered.
func (x *splitRequest) segmentDoneLocked(s *tableWalk) {
	if x == nil {
		return
	}
	if x.left--; x.left == 0 {
		s.device.capacity.silentAbove(x.bindings, max(x.bindings/2, 1), s.mux.Now)
	}
}

// acceptLocked hands the bindings to the segments. They come row by row (RFC 3416 section 4.2.3), and
// may end anywhere.
func (a *bulkRequest) acceptLocked(got mux.Answer) {
	list := got.List
	a.learnLocked(got)
	var room [1]part
	parts := room[:0]
	for _, g := range a.segments {
		parts = append(parts, part{before: g.rows})
	}
	if len(parts) == 1 {
		a.giveLocked(0, &parts[0], list)
	}
	for at := 0; len(parts) > 1 && len(list) > 0; at = (at + 1) % len(parts) {
		var v snmp.VarBind
		rest, _ := snmp.NextUnchecked(list, &v) // frames are sound, or there would be no answer
		a.giveLocked(at, &parts[at], list[:len(list)-len(rest)])
		list = rest
	}
	for i, g := range a.segments {
		switch p := parts[i]; {
		case g.stale:
		case p.err != nil:
			g.column.disorderedLocked(g, p.err)
		case p.given && !g.done && g.rows == p.before:
			g.column.incomplete(g, access.Malformed, errUnreadable) // the same question would have the same answer
			g.column.stopLocked(g)
		default:
			g.column.settleLocked(g)
		}
	}
}

var errUnreadable = errors.New("nothing in the answer can be read")

// part is the share of one segment in an answer.
type part struct {
	before int // rows of the segment
	given  bool
	err    error
}

func (a *bulkRequest) giveLocked(at int, p *part, list []byte) {
	g := a.segments[at]
	if g.stale || g.done || p.err != nil {
		return
	}
	g.halved, p.given = false, true
	var unreadable int
	held := g.size
	unreadable, p.err = g.accept(g.column.oid, list, a.walk.limit)
	if n := g.size - held; !a.walk.holding.add(&g.column.held, n) && p.err == nil {
		p.err = errTooManyBytes
	}
	for range unreadable {
		a.walk.mux.Metrics.UnexpectedType()
	}
}

// learnLocked finds out how much the agent can put into one answer. One that it cut short although
// the packet has room shows it.
func (a *bulkRequest) learnLocked(got mux.Answer) {
	d, now := a.walk.device, a.walk.mux.Now
	answered := len(a.segments) * max(int(a.Request.Repetitions), 1)
	switch asked := len(a.segments) * a.rows; {
	case got.Count < answered && len(got.List) < d.peer.PayloadLimit()*3/4 && !endsWithin(got.List):
		d.capacity.limit(got.Count, now)
	case answered < asked:
		d.capacity.silentAbove(asked, answered, now)
	case got.Count == asked:
		d.capacity.answered(asked)
	}
}

// endsWithin reports whether the last binding says that there is no more: agents may leave out the rest.
func endsWithin(list []byte) bool {
	var v snmp.VarBind
	for len(list) > 0 {
		rest, err := snmp.NextUnchecked(list, &v)
		if err != nil {
			return false
		}
		list = rest
	}
	return v.Type == snmp.EndOfMibView
}

// refusedLocked deals with an error-status.
func (a *bulkRequest) refusedLocked(got mux.Answer) {
	s := a.walk
	culprit := got.Index - 1
	switch {
	case mux.MessageRefused(got):
		s.failLocked(&access.Error{Reason: access.Authorization, Err: fmt.Errorf("agent answers %s", got.Status)})
	case got.Status == snmp.NoSuchName && a.rows == 1 && len(a.segments) == 1:
		a.endLocked() // so it is in SNMPv1 (RFC 1157 section 4.1.3), and behind proxies to it
	case got.Status == snmp.NoSuchName && a.rows == 1 && culprit >= 0 && culprit < len(a.segments):
		a.segments[culprit].alone = true // some agents name the wrong binding
		a.againLocked(false)
	case got.Status == snmp.TooBig && len(a.segments)*a.rows > 1:
		s.device.capacity.limit(len(a.segments)*a.rows/2, s.mux.Now)
		a.againLocked(false)
	case len(a.segments) > 1:
		a.againLocked(true)
	case !a.segments[0].stale:
		g := a.segments[0]
		g.column.refusedLocked(g, a.rows, got.Status)
	}
}

// endLocked ends the only segment: the agent has no more names for it.
func (a *bulkRequest) endLocked() {
	if g := a.segments[0]; !g.stale {
		g.done = true
		g.column.settleLocked(g)
	}
}

// againLocked asks once more for all segments, each alone where one of them must be to blame.
func (a *bulkRequest) againLocked(alone bool) {
	for _, g := range a.segments {
		if !g.stale {
			g.alone = g.alone || alone
			a.walk.pending = append(a.walk.pending, g)
		}
	}
}

func (a *bulkRequest) emptyLocked() {
	if len(a.segments) > 1 {
		a.againLocked(true)
		return
	}
	if g := a.segments[0]; !g.stale {
		g.column.emptyLocked(g, a.rows)
	}
}
