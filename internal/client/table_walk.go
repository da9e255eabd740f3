package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// tableWalk walks several columns of one target at the same time. It fills the target's window with
// requests: segments of columns it knows, and for tables it sees for the first time one column whose
// rows then divide the others.
type tableWalk struct {
	mux     *mux.Mux
	device  *device
	params  resolvedParams
	stats   *mux.Stats
	holding *holding
	limit   int // rows of a column

	columns     []column
	open        int // columns not done
	pending     []*segment
	requests    []*bulkRequest
	outstanding int // of asks, those not answered
	arena       arena
	failed      *access.Error
	answered    bool
	done        chan struct{} // closed when open is 0 or the target failed
}

// table groups the columns that are likely to have the same rows: those beside each other.
type table struct {
	columns []*column
	pivot   *column    // the one whose rows divide the others'; nil while unknown
	blocked []*segment // wait for a row of a column that is under way
}

// newTableWalk prepares a walk of the columns named by oids, which are parts of the subtrees roots.
func newTableWalk(p *mux.Mux, d *device, oids, roots []snmp.OID) *tableWalk {
	s := &tableWalk{mux: p, device: d, done: make(chan struct{}), columns: make([]column, len(oids)), open: len(oids)}
	tables := map[string]*table{}
	for i, oid := range oids {
		parent := string(oid.Parent())
		if tables[parent] == nil {
			tables[parent] = &table{}
		}
		c := &s.columns[i]
		*c = column{walk: s, oid: oid, root: rootOf(oid, roots), table: tables[parent]}
		c.table.columns = append(c.table.columns, c)
	}
	return s
}

func rootOf(oid snmp.OID, roots []snmp.OID) snmp.OID {
	if i := slices.IndexFunc(roots, oid.HasPrefix); i >= 0 {
		return roots[i]
	}
	return oid
}

// start sends as much as the window allows. Answers cause the further requests.
func (s *tableWalk) start() {
	s.mux.Lock()
	defer s.mux.Unlock()
	s.device.memory.load(s)
	for i := range s.columns {
		s.columns[i].startLocked()
	}
	if s.open == 0 {
		close(s.done)
	}
	s.dispatchLocked()
}

// wait returns when all columns are done, the target failed or ctx ended.
func (s *tableWalk) wait(ctx context.Context) {
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	s.mux.Lock()
	defer s.mux.Unlock()
	if ctx.Err() != nil {
		if e := mux.OutOfTimeError(ctx, s.answered); e.Ends() {
			s.abandonLocked(e)
		} else {
			s.failLocked(e)
		}
	}
	if s.failed != nil {
		s.device.memory.failOpen(s)
	} else {
		s.device.memory.store(s)
	}
}

// free releases the memory of a walk whose rows are no longer used.
func (s *tableWalk) free() {
	s.mux.Lock()
	defer s.mux.Unlock()
	s.dropLocked()
	s.arena.free()
}

// dropLocked forgets the requests that are under way.
func (s *tableWalk) dropLocked() {
	for _, a := range s.requests {
		if !a.Dead {
			s.mux.DropLocked(&a.Query)
		}
	}
	s.requests = nil
}

// dispatchLocked requests all that is pending. A segment that takes less than half an answer shares a request
// with its like: those that want about as many rows. Afterwards the walk has ended or waits for an
// answer.
func (s *tableWalk) dispatchLocked() {
	defer s.checkProgressLocked()
	if s.failed != nil || s.open == 0 {
		return
	}
	var small []share
	for _, g := range s.pending {
		x := share{g, g.wanted(), g.column.bindingSize()}
		if g.alone || !s.device.halfAnswer(x.rows, x.size) {
			s.requestLocked([]share{x})
			continue
		}
		small = append(small, x)
	}
	s.pending = s.pending[:0]
	slices.SortStableFunc(small, func(a, b share) int { return a.rows - b.rows })
	for len(small) > 0 {
		n := s.fitting(small)
		s.requestLocked(small[:n])
		small = small[n:]
	}
}

// share is a segment's part in a request.
type share struct {
	segment *segment
	rows    int // wanted
	size    int // octets of a binding
}

// fitting returns how many of shares, which are sorted by rows, make one request.
func (s *tableWalk) fitting(shares []share) int {
	room := s.device.peer.PayloadLimit()
	size := 0
	for n, x := range shares {
		size += x.size
		bindings := (n + 1) * x.rows
		tooMany := size*x.rows > room || s.device.capacity.cap(bindings) < bindings || n == maxBatch
		if n > 0 && (tooMany || x.rows > 2*shares[0].rows+1) {
			return n
		}
	}
	return len(shares)
}

func (s *tableWalk) prepare(q *mux.Query, r mux.Request, by mux.Owner) {
	q.Peer, q.Request, q.Owner, q.Stats = s.device.peer, r, by, s.stats
	q.Retries, q.Timeout, q.Alone = s.params.retries, s.params.timeout, s.params.alone
	q.Budget = time.Duration(q.Retries+1) * q.Timeout
}

// checkProgressLocked ends a walk that waits for nothing although columns are open. Whatever the cause,
// such a walk would never end.
func (s *tableWalk) checkProgressLocked() {
	if s.outstanding > 0 || s.open == 0 || s.failed != nil {
		return
	}
	var open []string
	for i := range s.columns {
		if c := &s.columns[i]; !c.done() {
			open = append(open, c.oid.String())
		}
	}
	s.failLocked(s.mux.InternalError(s.device.peer, fmt.Errorf("no request is outstanding, but these columns are open: %s", strings.Join(open, ", "))))
}

// finishedLocked counts columns down.
func (s *tableWalk) finishedLocked() {
	if s.open--; s.open == 0 && s.failed == nil {
		close(s.done)
	}
}

// abandon is abandonLocked for those who do not hold the lock.
func (s *tableWalk) abandon(e *access.Error) {
	s.mux.Lock()
	defer s.mux.Unlock()
	s.abandonLocked(e)
}

// abandonLocked ends the columns that are open, with the rows that arrived.
func (s *tableWalk) abandonLocked(e *access.Error) {
	if s.failed != nil || s.open == 0 {
		return
	}
	for i := range s.columns {
		if c := &s.columns[i]; !c.done() {
			c.incomplete(nil, e.Reason, e.Err)
			c.began, c.open = true, 0
		}
	}
	s.dropLocked()
	s.open = 0
	close(s.done)
}

// failLocked ends the walk: the target itself failed.
func (s *tableWalk) failLocked(e *access.Error) {
	if s.failed != nil || s.open == 0 {
		return
	}
	s.failed = e
	s.dropLocked()
	close(s.done)
}

// The rows of one column of a table that was never seen, its pivot, divide those of the others, which wait for it. Where it
// has none most likely the others have none either: all are asked for one row, many in a request. Those that have one
// wait again, for the first of them.

// finishLocked ends a column and lets those go on that waited for its rows.
func (c *column) finishLocked() {
	if t := c.table; t.pivot == c {
		splits := c.splitsFor()
		if splits == nil {
			t.pivot = nil // it has no rows: another column may
		}
		for _, waiting := range t.columns {
			if c.walk.failed == nil {
				waiting.guidedLocked(splits, c.err == nil)
			}
		}
	}
	c.table.unblockLocked()
	c.walk.finishedLocked()
}

// guidedLocked lets a column go on, if it waits, after the pivot has ended: with its splits if it has rows. Without, and
// without an error, the column most likely has none.
func (c *column) guidedLocked(splits []split, empty bool) {
	t := c.table
	switch {
	case c.parked != nil && splits != nil:
		c.unpark()
		c.dropSegments()
		c.beginLocked(splits)
	case c.parked != nil && t.pivot == nil:
		t.pivot = c
		c.walk.pending = append(c.walk.pending, c.unpark())
	case c.began:
	case splits != nil:
		c.beginLocked(splits)
	case empty:
		c.probing = true
		c.beginLocked(nil)
	case t.pivot == nil:
		t.pivot = c
		c.beginLocked(nil)
	}
}

// probedLocked deals with the first row of a column that seemed to have none.
func (c *column) probedLocked(s *segment) {
	c.probing = false
	c.parked = s
	c.blocked++
	switch t := c.table; {
	case t.pivot == nil:
		c.guidedLocked(nil, false)
	case t.pivot.done():
		c.guidedLocked(t.pivot.splitsFor(), false)
	}
}

// unpark returns the segment that waited for the pivot.
func (c *column) unpark() *segment {
	s := c.parked
	c.parked = nil
	c.blocked--
	return s
}

// splitsFor divides the rows of the guide for the other columns of its table, whose bindings may be
// larger than they look: nothing is known of them yet.
func (c *column) splitsFor() []split {
	if c.err != nil {
		return nil
	}
	x := c.splitter()
	c.eachRow(func(v *snmp.VarBind) {
		x.add(v.Name[len(c.oid):], max(snmp.VarBindSize(*v), guessedBinding))
	})
	if x.rows == 0 {
		return nil
	}
	return x.finish()
}

// splitter cuts rows so that a segment fills one answer. In SNMPv1 an answer has one row of a segment.
func (c *column) splitter() splitter {
	most := c.walk.device.capacity.max
	switch {
	case c.walk.params.v1:
		most = 1
	case c.walk.params.maxRepetitions > 0:
		most = c.walk.device.capacity.cap(c.walk.params.maxRepetitions)
	}
	return splitter{payloadLimit: c.walk.device.peer.PayloadLimit(), maxRows: int32(most)}
}
