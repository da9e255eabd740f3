package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"trapline/internal/snmp"
)

// sweep walks several columns of one target at the same time. It fills the target's window with
// requests: segments of columns it knows, and for tables it sees for the first time one column whose
// rows then divide the others.
type sweep struct {
	pipe    *pipe
	peer    *peer
	settled settled
	stats   *Stats
	limit   int // rows of a column

	columns  []*column
	open     int // columns not done
	failed   *Error
	answered bool
	done     chan struct{} // closed when open is 0 or the target failed
	queries  []*query
}

// column is the walk of one column, or of any other subtree.
type column struct {
	*sweep
	oid       snmp.OID
	table     *table
	segments  []segment
	open      int  // segments not done
	began     bool // its segments were made
	changed   bool // its rows are not those that were expected
	unordered bool // the agent's order is not to be relied on: one request after the other
	err       *Error
}

// table groups the columns that are likely to have the same rows: those beside each other.
type table struct {
	columns []*column
	guide   *column // the one whose rows divide the others'; nil while unknown
}

const (
	// DefaultMaxResponse is what fits a frame of Ethernet under IPv4 and UDP.
	DefaultMaxResponse = 1472
	// responseHeader is what a response has beside its bindings and the community, and some room for
	// numbers that grow until the next pass.
	responseHeader = 44
	// responseHeader3 is the same in SNMPv3, with names of usual length.
	responseHeader3 = 200
	// guessedBinding is the size of a binding of a column that was never seen.
	guessedBinding = 30
)

// room is what a response has for its bindings, in octets.
func (t *peer) room() int {
	if t.v3 != nil {
		return DefaultMaxResponse - responseHeader3
	}
	return DefaultMaxResponse - responseHeader - len(t.community)
}

func newSweep(p *pipe, t *peer, oids []snmp.OID) *sweep {
	s := &sweep{pipe: p, peer: t, done: make(chan struct{})}
	tables := map[string]*table{}
	for _, oid := range oids {
		parent := string(parentOf(oid))
		if tables[parent] == nil {
			tables[parent] = &table{}
		}
		c := &column{sweep: s, oid: oid, table: tables[parent]}
		c.table.columns = append(c.table.columns, c)
		s.columns = append(s.columns, c)
	}
	s.open = len(s.columns)
	return s
}

// parentOf is oid without its last number.
func parentOf(oid snmp.OID) snmp.OID {
	i := len(oid) - 1
	for i > 0 && oid[i-1] >= 0x80 {
		i--
	}
	return oid[:max(i, 0)]
}

// run walks all columns. It returns when they are done, the target failed or ctx ended.
func (s *sweep) run(ctx context.Context) {
	s.pipe.mu.Lock()
	for _, c := range s.columns {
		s.startLocked(c)
	}
	nothing := len(s.columns) == 0
	s.pipe.mu.Unlock()
	if nothing {
		return
	}
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	s.pipe.mu.Lock()
	defer s.pipe.mu.Unlock()
	if ctx.Err() != nil {
		s.failLocked(outOfTimeError(ctx, s.answered))
	}
	if s.peer.shrunk {
		s.peer.repetitions, s.peer.shrunk = 0, false
	}
	if s.failed == nil {
		s.peer.memory.learn(s)
	}
}

// startLocked makes the segments of a column that is known, or that may guide its table. Others wait.
func (s *sweep) startLocked(c *column) {
	known := s.peer.memory.of(c.oid)
	switch {
	case known != nil && known.unordered:
		c.unordered = true
		c.beginLocked(nil)
	case known != nil:
		c.beginLocked(known.segments())
	case c.table.guide == nil:
		c.table.guide = c
		c.beginLocked(nil)
	}
}

// beginLocked asks for a column in segments; with none, from its beginning to its end.
func (c *column) beginLocked(splits []split) {
	c.began = true
	if len(splits) == 0 {
		splits = []split{{}}
	}
	c.segments = make([]segment, len(splits))
	start := c.oid.First()
	for i := range c.segments {
		s := &c.segments[i]
		s.start, s.last, s.expected = start, bytes.Clone(start), int(splits[i].rows)
		if splits[i].end != "" {
			s.end = append(bytes.Clone(c.oid), splits[i].end...)
			start = s.end
		}
	}
	c.open = len(c.segments)
	for i := range c.segments {
		c.askLocked(&c.segments[i])
	}
}

// askLocked sends for what follows in a segment.
func (c *column) askLocked(s *segment) {
	repetitions := c.fill()
	if left := s.expected - s.rows; s.expected > 0 && left > 0 {
		repetitions = left
		if s.end == nil {
			repetitions++ // to see that there is no more
		}
	}
	if known := c.peer.memory.of(c.oid); known != nil && known.rows == 0 && s.rows == 0 {
		repetitions = 1 // most likely it still has no rows
	}
	for _, most := range []int{c.peer.repetitions, c.settled.most} {
		if most > 0 {
			repetitions = min(repetitions, most)
		}
	}
	s.asked = max(repetitions, 1)
	c.pipe.submitLocked(c.newQuery(request{
		pdu: snmp.GetBulkRequest, oids: []snmp.OID{s.last}, repetitions: uint32(s.asked),
	}, func(a answer, e *Error) { c.answeredLocked(s, a, e) }))
}

// fill is the number of rows that fill one answer.
func (c *column) fill() int {
	size := guessedBinding
	if known := c.peer.memory.of(c.oid); known != nil && known.size > 0 {
		size = int(known.size)
	}
	return max(c.peer.room()/size, 1)
}

func (s *sweep) newQuery(r request, done func(answer, *Error)) *query {
	q := &query{
		peer: s.peer, request: r, done: done, stats: s.stats,
		retries: s.settled.retries, timeout: s.settled.timeout,
		budget: time.Duration(s.settled.retries+1) * s.settled.timeout,
	}
	s.queries = append(s.queries, q)
	return q
}

// answeredLocked takes one answer for a segment.
func (c *column) answeredLocked(s *segment, a answer, e *Error) {
	switch {
	case c.failed != nil || c.err != nil || s.done:
		return
	case e != nil:
		c.failLocked(e)
		return
	}
	c.sweep.answered = true
	switch {
	case a.status == snmp.NoSuchName && s.asked == 1:
		s.done = true // so it is in SNMPv1, and behind proxies to it
	case a.status != snmp.NoError:
		c.refusedLocked(s, a)
		return
	case len(a.list) == 0:
		c.emptyLocked(s)
		return
	default:
		s.halved = false
		before := s.rows
		unreadable, err := s.accept(c.oid, a.list, c.limit)
		for range unreadable {
			c.pipe.metrics.unexpectedType()
		}
		if err != nil {
			c.disorderedLocked(s, err)
			return
		}
		if !s.done && s.rows == before {
			c.stopLocked(s, Malformed, errUnreadable) // the same question would have the same answer
			return
		}
	}
	if !s.done {
		c.changed = true
		c.askLocked(s)
		return
	}
	c.changed = c.changed || s.rows != s.expected
	if c.open--; c.open == 0 {
		c.joinLocked()
	}
}

// refusedLocked deals with an error-status: with fewer repetitions the rows before the one that the
// agent cannot give will come.
func (c *column) refusedLocked(s *segment, a answer) {
	if messageRefused(a) {
		c.failLocked(&Error{Reason: Authorization, Err: fmt.Errorf("agent answers %s", a.status)})
		return
	}
	if c.shrinkLocked(s, a.status == snmp.TooBig) {
		c.askLocked(s)
		return
	}
	reason := ErrorStatus
	if a.status == authorizationError {
		reason = Authorization
	}
	c.stopLocked(s, reason, fmt.Errorf("agent answers %s", a.status))
}

// shrinkLocked halves the repetitions that the target is asked for, for this pass or, to be remembered,
// for all. It is false when they cannot be fewer.
func (c *column) shrinkLocked(s *segment, remember bool) bool {
	if s.asked <= 1 {
		return false
	}
	c.peer.repetitions = s.asked / 2
	c.peer.shrunk = c.peer.shrunk || !remember
	return true
}

var errUnreadable = errors.New("nothing in the answer can be read")

func (c *column) emptyLocked(s *segment) {
	if !s.halved && c.shrinkLocked(s, true) {
		s.halved = true
		c.askLocked(s)
		return
	}
	c.stopLocked(s, EmptyAnswer, errEmpty)
}

// disorderedLocked deals with names that do not increase. In segments that may be the agent's way with
// names that do not exist, so the column is walked again from row to row.
func (c *column) disorderedLocked(s *segment, err error) {
	switch {
	case errors.Is(err, errLimit):
		c.stopLocked(s, TooMany, fmt.Errorf("more than %d rows", c.limit))
	case len(c.segments) > 1:
		c.unordered = true
		c.againLocked()
	default:
		c.stopLocked(s, NotIncreasing, err)
	}
}

// againLocked walks the column from row to row. What is under way for it is forgotten.
func (c *column) againLocked() {
	for _, q := range c.queries {
		if !q.dead && snmp.OID(q.request.oids[0]).HasPrefix(c.oid) {
			c.pipe.dropLocked(q)
		}
	}
	c.changed = true
	c.beginLocked(nil)
}

// stopLocked ends a column that will not be whole.
func (c *column) stopLocked(s *segment, reason Reason, err error) {
	c.err = &Error{Reason: reason, OID: c.oid, Err: err}
	if !bytes.Equal(s.last, s.start) || s.rows > 0 {
		c.err.Last = bytes.Clone(s.last)
	}
	for i := range c.segments {
		if &c.segments[i] == s {
			c.segments = c.segments[:i+1]
			break
		}
	}
	c.finishLocked()
}

// joinLocked ends a column whose segments are done. Where they do not fit together, rows came or went
// just where two of them meet.
func (c *column) joinLocked() {
	if len(c.segments) > 1 && !join(c.segments) {
		c.againLocked()
		return
	}
	c.finishLocked()
}

// finishLocked ends a column and lets those go on that waited for its rows.
func (c *column) finishLocked() {
	t := c.table
	if t.guide == c {
		splits := c.splitsFor()
		if splits == nil {
			t.guide = nil // it has no rows: another column may
		}
		for _, waiting := range t.columns {
			if waiting.began || waiting == c || c.failed != nil {
				continue
			}
			if splits != nil {
				waiting.beginLocked(splits)
			} else if t.guide == nil {
				t.guide = waiting
				waiting.beginLocked(nil)
			}
		}
	}
	c.sweep.open--
	if c.sweep.open == 0 && c.failed == nil {
		close(c.done)
	}
}

// splitsFor divides the rows of the guide for the other columns of its table, whose bindings may be
// larger than they look: nothing is known of them yet.
func (c *column) splitsFor() []split {
	if c.err != nil || c.segments == nil {
		return nil
	}
	x := splitter{room: c.peer.room(), most: int32(c.settled.most)}
	c.eachRow(func(v snmp.VarBind) {
		x.add(v.Name[len(c.oid):], max(snmp.VarBindSize(v), guessedBinding))
	})
	if x.rows == 0 {
		return nil
	}
	return x.finish()
}

// eachRow hands on the accepted bindings in their order.
func (c *column) eachRow(give func(snmp.VarBind)) {
	var v snmp.VarBind
	for i := range c.segments {
		for list := c.segments[i].data; len(list) > 0; {
			rest, err := snmp.NextVarBind(list, &v)
			if err != nil {
				return // it was read once before
			}
			give(v)
			list = rest
		}
	}
}

// failLocked ends the sweep: the target itself failed.
func (s *sweep) failLocked(e *Error) {
	if s.failed != nil || s.open == 0 {
		return
	}
	s.failed = e
	for _, q := range s.queries {
		if !q.dead {
			s.pipe.dropLocked(q)
		}
	}
	close(s.done)
}
