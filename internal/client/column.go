package client

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// column is the walk of one column, or of any other subtree.
type column struct {
	walk      *tableWalk
	oid       snmp.OID
	root      snmp.OID     // the walked subtree that it belongs to
	known     *columnStats // nil in the first pass; valid until the pass ends
	table     *table
	segments  []segment
	open      int      // segments not done
	began     bool     // its segments were made
	changed   bool     // its rows are not those that were expected
	unordered bool     // the agent's order is not to be relied on: one request after the other
	alone     bool     // an error came of it: others had better not share its requests
	held      int64    // octets
	skips     int      // rows that the agent could not give
	gap       snmp.OID // the last row before the first of these
	blocked   int      // segments that wait until another column shows the next row
	probing   bool     // it is asked for one row, for it seems to have none
	parked    *segment // it waits, with a row, for the pivot
	err       *access.Error
}

const (
	// leastBinding is the size of a binding without the name of its column: three headers and an index of one
	// octet.
	leastBinding = 7
	// guessedBinding is the size of a binding of a column that was never seen.
	guessedBinding = 30
	// nameRoom is by how many octets names within a segment may be longer than the one it begins behind.
	nameRoom = 8
	// maxSkips is how many rows of a column may be missing before it is given up.
	maxSkips = 3
)

// startLocked makes the segments of a column that is known, or that may guide its table. Others wait.
func (c *column) startLocked() {
	switch {
	case c.known != nil:
		c.alone, c.unordered = c.known.traits.has(alone), c.known.traits.has(unordered)
		c.beginLocked(c.known.segments())
	case c.table.pivot == nil:
		c.table.pivot = c
		c.beginLocked(nil)
	}
}

// beginLocked asks for a column in segments; with none, from its beginning to its end.
func (c *column) beginLocked(splits []split) {
	c.began = true
	if len(splits) == 0 || c.unordered {
		splits = []split{{}}
	}
	c.segments = make([]segment, len(splits))
	start := c.oid.First()
	for i := range c.segments {
		s := &c.segments[i]
		*s = segment{column: c, arena: &c.walk.arena, start: start, last: c.walk.arena.keep(start, nameRoom), expected: int(splits[i].rows), alone: c.alone}
		if splits[i].end != "" {
			s.end = append(c.walk.arena.keep(c.oid, len(splits[i].end)), splits[i].end...)
			start = s.end
		}
		c.walk.pending = append(c.walk.pending, s)
	}
	c.open = len(c.segments)
}

// wanted is how many rows to ask for next.
func (s *segment) wanted() int {
	c := s.column
	rows := max(c.walk.device.peer.PayloadLimit()/c.bindingSize(), 1)
	if left := s.expected - s.rows; s.expected > 0 && left > 0 {
		rows = left
		if s.end == nil {
			rows++ // to see that there is no more
		}
	} else if s.rows == 0 && (c.probing || (c.known != nil && c.known.rows == 0)) {
		rows = 1 // most likely it still has no rows
	}
	if c.walk.params.v1 {
		rows = 1
	}
	rows = min(c.walk.device.capacity.cap(rows), c.walk.device.peer.PayloadLimit()/(len(c.oid)+leastBinding)+1)
	for _, most := range []int{s.maxRows, c.walk.params.maxRepetitions} {
		if most > 0 {
			rows = min(rows, most)
		}
	}
	return max(rows, 1)
}

func (c *column) bindingSize() int {
	if c.known != nil && c.known.size > 0 {
		return int(c.known.size)
	}
	return guessedBinding
}

// settleLocked goes on after an answer: with the rest of the segment, or with the columns that waited for its end.
func (c *column) settleLocked(s *segment) {
	if !s.done {
		c.changed = true
		if c.probing {
			c.probedLocked(s)
		} else {
			c.walk.pending = append(c.walk.pending, s)
		}
		return
	}
	c.changed = c.changed || s.rows != s.expected
	if c.open--; c.open == 0 {
		c.joinLocked()
	}
}

// refusedLocked deals with an error-status to a request for this segment alone. With fewer repetitions
// the rows before the one that the agent cannot give will come; then that row is left out.
func (c *column) refusedLocked(s *segment, asked int, status snmp.ErrorStatus) {
	if asked > 1 {
		s.maxRows = asked / 2
		c.walk.pending = append(c.walk.pending, s)
		return
	}
	c.alone = true
	failed := &access.Error{Reason: access.ErrorStatus, OID: c.oid, Err: fmt.Errorf("agent answers %s", status)}
	if status == mux.AuthorizationError {
		failed.Reason = access.Authorization
	}
	if c.err == nil {
		c.gap = c.lastRow(s)
	}
	if c.skips++; c.skips > maxSkips || c.unordered || c.walk.params.v1 {
		failed.Last = c.gap
		c.err = failed
		c.stopLocked(s)
		return
	}
	if c.err == nil {
		failed.Err = fmt.Errorf("%s lacks a row: %w", c.oid, failed.Err)
		c.err = failed
	}
	c.skipLocked(s)
}

// skipLocked moves a segment behind the row that the agent cannot give. Another column of the table may
// name that row, if need be once it is done; without any, it probably has the next number.
func (c *column) skipLocked(s *segment) {
	index := c.table.rowBehind(s.last[min(len(c.oid), len(s.last)):])
	switch {
	case index == nil && c.table.busy(c):
		c.blocked++
		c.table.blocked = append(c.table.blocked, s)
		return
	case index == nil && s.rows > 0:
		index = nextNumber(s.last[len(c.oid):])
	}
	if index != nil {
		s.last = append(append(s.last[:0], c.oid...), index...)
		s.maxRows = 0
	}
	if index == nil || (s.end != nil && s.last.Compare(s.end) >= 0) {
		s.done = true // another segment may go on behind it
		c.settleLocked(s)
		return
	}
	c.walk.pending = append(c.walk.pending, s)
}

// busy reports whether a column beside c is under way that does not wait for others.
func (t *table) busy(c *column) bool {
	return slices.ContainsFunc(t.columns, func(x *column) bool { return x != c && x.open > 0 && x.blocked == 0 })
}

// unblockLocked resumes segments that waited for a row.
func (t *table) unblockLocked() {
	parked := t.blocked
	t.blocked = nil
	for _, s := range parked {
		if s.column.blocked--; !s.stale {
			s.column.skipLocked(s)
		}
	}
}

// rowBehind is the index of the row that follows one, as far as a column that is done shows it.
func (t *table) rowBehind(index snmp.OID) (next []byte) {
	for _, c := range t.columns {
		if c.open > 0 || c.err != nil {
			continue
		}
		c.eachRow(func(v *snmp.VarBind) {
			if next == nil && v.Name[len(c.oid):].Compare(index) > 0 {
				next = bytes.Clone(v.Name[len(c.oid):])
			}
		})
		if next != nil {
			return next
		}
	}
	return nil
}

// nextNumber is index with one more in the place of its last number.
func nextNumber(index snmp.OID) []byte {
	front := snmp.OID(index).Parent()
	last, _, ok := snmp.CutArc(index[len(front):])
	if !ok || last == 1<<32-1 {
		return nil
	}
	return snmp.AppendArc(bytes.Clone(front), last+1)
}

// emptyLocked deals with an answer without bindings. Some agents say so that it would be too big.
func (c *column) emptyLocked(s *segment, asked int) {
	if asked > 1 && !s.halved {
		s.halved, s.maxRows = true, asked/2
		c.walk.device.capacity.limit(asked/2, c.walk.mux.Now)
		c.walk.pending = append(c.walk.pending, s)
		return
	}
	c.incomplete(s, access.EmptyAnswer, errEmpty)
	c.stopLocked(s)
}

// disorderedLocked deals with names that do not increase. In segments that may be the agent's way with
// names that do not exist, so the column is walked again from row to row.
func (c *column) disorderedLocked(s *segment, err error) {
	switch {
	case errors.Is(err, errTooManyBytes):
		c.discardLocked()
		return
	case errors.Is(err, errLimit):
		c.incomplete(s, access.TooMany, fmt.Errorf("more than %d rows", c.walk.limit))
	case len(c.segments) > 1:
		c.unordered = true
		c.againLocked()
		return
	default:
		c.incomplete(s, access.NotIncreasing, err)
	}
	c.stopLocked(s)
}

// discardLocked ends a column that holds too much. Answers that are outstanding will be ignored.
func (c *column) discardLocked() {
	c.err = &access.Error{Reason: access.TooMany, OID: c.oid, Err: errTooManyBytes, Dropped: true}
	c.dropSegments()
	c.segments, c.open = nil, 0
	c.finishLocked()
}

// dropSegments makes segments ignore the answers that they still get.
func (c *column) dropSegments() {
	for i := range c.segments {
		g := &c.segments[i]
		g.stale, g.data, g.rows = true, nil, 0 // requests that are under way keep the segment
	}
	c.walk.holding.release(&c.held)
}

// againLocked walks the column from row to row. Answers that are outstanding will be ignored.
func (c *column) againLocked() {
	c.dropSegments()
	c.changed = true
	c.beginLocked(nil)
}

// incomplete notes why the column is not whole, and after which row.
func (c *column) incomplete(s *segment, reason access.Reason, err error) {
	c.err = &access.Error{Reason: reason, OID: c.oid, Last: c.lastRow(s), Err: err}
}

// lastRow is the last name that arrived up to and with segment s, or nil. Without s it is the last one up to
// which all rows arrived.
func (c *column) lastRow(s *segment) (last snmp.OID) {
	for i := range c.segments {
		g := &c.segments[i]
		if g.rows > 0 {
			last = g.last
		}
		if g == s || (s == nil && !g.done) {
			break
		}
	}
	return bytes.Clone(last)
}

// stopLocked ends a column with s: later segments are dropped, outstanding or not.
func (c *column) stopLocked(s *segment) {
	s.done = true
	behind := false
	for i := range c.segments {
		g := &c.segments[i]
		if behind {
			g.stale, g.data, g.more, g.rows = true, nil, nil, 0
			if !g.done {
				c.open--
			}
			g.done = true
		}
		behind = behind || g == s
	}
	if c.open--; c.open == 0 {
		c.finishLocked()
	}
}

// joinLocked ends a column whose segments are done. Where they do not fit together, rows came or went
// just where two of them meet.
func (c *column) joinLocked() {
	if c.err == nil && len(c.segments) > 1 && !join(c.segments) {
		c.againLocked()
		return
	}
	c.finishLocked()
}

// eachRow hands on the accepted bindings in their order.
func (c *column) eachRow(give func(*snmp.VarBind)) {
	for i := range c.segments {
		c.segments[i].eachBinding(give)
	}
}

// done reports whether the column needs no more answers.
func (c *column) done() bool { return c.began && c.open == 0 }

// bare reports whether nothing lies below the column's OID, so that it may be an instance itself. A single
// number is no OID that could be asked for.
func (c *column) bare() bool {
	return len(c.oid.First()) == len(c.oid) && c.err == nil && c.done() && c.rows() == 0
}

func (c *column) rows() (n int) {
	for i := range c.segments {
		n += c.segments[i].rows
	}
	return n
}
