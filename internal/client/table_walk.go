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
	if s.failed == nil {
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
