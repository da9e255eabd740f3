package clocks

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// Asked is a module of a poll.
type Asked struct {
	Module *collector.Module
	Labels time.Duration // how often labels are read for which the module sets no time, and whose rows are witnessed; 0 means in every poll
}

// Session is the session of one poll.
type Session struct {
	collector.Session
	memory   *Memory
	interval time.Duration
	began    time.Time
	clocks   map[string]clock // by the key of the part of the plan
	watches  watches

	once     sync.Once
	verified chan struct{} // closed when the witnesses have been asked for

	mu      sync.Mutex
	now     witnesses
	same    bool // nothing says that rows are others; valid once verified is closed
	rows    map[string]uint64
	fresh   map[string]*reading
	carried []Carried
	errs    []*access.Error // of reads in the place of which older ones are carried
}

// Carried is a part of a plan that this poll did not read.
type Carried struct {
	Object    snmp.OID
	Read, Due time.Time
	Every     time.Duration
	Label     bool // nothing but labels is made of it
}

type clock struct {
	oid    snmp.OID
	every  time.Duration
	label  bool
	beside []collector.Watch
}

// reading is a unit that this poll has read, or tried to.
type reading struct {
	clock  string
	copies packed
	rows   []uint64
	failed []*access.Error
}

// key is the key of a part of a plan in the memory.
func key(p *client.Plan, oid snmp.OID) string {
	if p.Filter {
		return "filter " + string(oid)
	}
	return string(oid)
}

// NewSession returns the session of a poll over s that begins at a time; nil if the modules read everything in each poll,
// or there is no memory.
func NewSession(s collector.Session, m *Memory, modules []Asked, began time.Time, interval time.Duration) *Session {
	if m == nil {
		return nil
	}
	c := &Session{Session: s, memory: m, interval: interval, began: began, clocks: map[string]clock{},
		verified: make(chan struct{}), rows: map[string]uint64{}, fresh: map[string]*reading{}}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.compile(modules)
	if len(c.clocks) == 0 {
		return nil
	}
	if m.base.IsZero() {
		m.base = began
	}
	for k, u := range m.units {
		if x, used := c.clocks[u.clock]; !used || x.every != u.every {
			m.drop(u)
			delete(m.units, k)
		}
	}
	return c
}

// compile merges the clocks of modules. If several modules read a part, the shortest time counts. The memory is locked.
func (s *Session) compile(modules []Asked) {
	live := map[string]bool{}
	for _, a := range modules {
		own := map[string]bool{}
		for _, c := range a.Module.Clocks() {
			every := c.Every
			if every == 0 && s.memory.state.cover(c.Object) {
				every = a.Labels
			}
			k := key(&client.Plan{Filter: c.Filter}, c.Object)
			if every <= s.interval {
				continue
			}
			own[k] = true
			x, known := s.clocks[k]
			if !known || every < x.every {
				x.oid, x.every = c.Object, every
			}
			x.label = c.Label && (x.label || !known)
			x.beside = append(x.beside, c.Beside...)
			s.clocks[k] = x
		}
		for _, oid := range slices.Concat(a.Module.Plan.Get, a.Module.Plan.Columns) {
			if !own[string(oid)] {
				live[string(oid)] = true
			}
		}
	}
	for k := range live {
		delete(s.clocks, k)
	}
	s.watches = newWatches(s.clocks)
}

// sharer is a session that can say which parts of a plan may share requests with other plans.
type sharer interface {
	Shares(*client.Plan) (client.Share, bool)
}

// Shares is that of the session below, without the parts that are carried.
func (s *Session) Shares(p *client.Plan) (client.Share, bool) {
	below, ok := s.Session.(sharer)
	if !ok {
		return client.Share{}, false
	}
	share, ok := below.Shares(p)
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	carried := func(oid snmp.OID) bool { return s.carries(string(oid)) != nil }
	share.Instances = slices.DeleteFunc(share.Instances, carried)
	share.Columns = slices.DeleteFunc(share.Columns, carried)
	return share, ok
}

// carries returns the unit of that key if it is not due. The memory is locked.
func (s *Session) carries(k string) *unit {
	if u := s.memory.units[k]; u != nil && u.valid(s.began, s.interval) && s.began.Before(u.due) {
		return u
	}
	return nil
}

// Poll asks for the parts of a plan that are due, and yields these and those that are carried.
func (s *Session) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if len(p.Next) > 0 || p.ToEnd {
		return s.Session.Poll(ctx, p, yield)
	}
	d := s.divide(p)
	first := false
	s.once.Do(func() { first = true })
	if first {
		return s.pollFirst(ctx, d, yield)
	}
	if d.carries() {
		select {
		case <-s.verified:
		case <-ctx.Done():
			return client.Stats{}, client.OutOfTime(ctx, "walk", "")
		}
	}
	stats, err := d.poll(ctx, d.rest, yield)
	return s.complete(ctx, d, stats, err, yield)
}

// pollFirst asks for the witnesses, too.
func (s *Session) pollFirst(ctx context.Context, d *division, yield func(snmp.VarBind)) (client.Stats, error) {
	plan := d.rest
	var extra []snmp.OID
	for _, oid := range s.wantedWitnesses() {
		if !d.asks(oid) {
			extra = append(extra, oid)
		}
	}
	plan.Get = slices.Concat(extra, plan.Get)
	stats, err := d.poll(ctx, plan, func(v snmp.VarBind) {
		s.now.note(v, time.Now())
		if !slices.ContainsFunc(extra, same(v.Name)) {
			yield(v)
		}
	})
	s.verify()
	close(s.verified)
	return s.complete(ctx, d, stats, errorsOutside(err, extra), yield)
}

// searchTime is how often a device is asked for witnesses that it did not have.
const searchTime = 10 * time.Minute

// wantedWitnesses are those that the device has, as far as that is known.
func (s *Session) wantedWitnesses() (list []snmp.OID) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	all := s.began.Sub(s.memory.searched) >= searchTime || !s.memory.state.has[sysUpTime]
	if all {
		s.memory.searched = s.began
	}
	for i, oid := range witnessOIDs {
		if all || i == sysUpTime || s.memory.state.has[i] {
			list = append(list, oid)
		}
	}
	return list
}

// verify compares the witnesses with those of the last poll. If they differ, nothing is carried.
func (s *Session) verify() {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if !s.now.has[sysUpTime] && len(s.memory.units) == 0 {
		return
	}
	s.now.settle(s.began)
	if s.same = s.now.same(&s.memory.state); s.same {
		return
	}
	for _, u := range s.memory.units {
		s.memory.drop(u)
	}
}

// complete yields the parts with clocks, as it was read now or before.
func (s *Session) complete(ctx context.Context, d *division, stats client.Stats, err error, yield func(snmp.VarBind)) (client.Stats, error) {
	if down(err) {
		return stats, err
	}
	d.noteRows()
	var again []*part
	for _, part := range d.parts {
		switch {
		case part.reading != nil:
			err = s.settle(part, err, yield)
		case !part.carried:
		case s.mayCarry(part):
			s.carry(part, yield)
		default:
			again = append(again, part)
		}
	}
	if len(again) == 0 {
		return stats, err
	}
	next := d.again(again)
	more, failed := next.poll(ctx, next.rest, yield)
	stats.Add(more)
	if !down(failed) {
		next.noteRows()
		for _, part := range next.parts {
			failed = s.settle(part, failed, yield)
		}
	}
	return stats, errors.Join(err, failed)
}

// settle yields a part that was read now or, if that failed, as it was read before. It returns the errors that are left.
func (s *Session) settle(x *part, err error, yield func(snmp.VarBind)) error {
	r := x.reading
	r.failed = errorsOf(err, x.oid)
	s.mu.Lock()
	s.fresh[x.key] = r
	s.mu.Unlock()
	if len(r.failed) > 0 && x.old.held && s.mayCarry(x) {
		s.mu.Lock()
		s.errs = append(s.errs, r.failed...)
		s.mu.Unlock()
		s.carry(x, yield)
		return errorsOutside(err, []snmp.OID{x.oid})
	}
	if len(r.failed) > 0 {
		x.old.held = false
	}
	if !r.copies.cut {
		r.copies.each(x.oid, yield)
	}
	return err
}

// carry yields a part as it was read before.
func (s *Session) carry(x *part, yield func(snmp.VarBind)) {
	x.old.copies.each(x.oid, yield)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carried = append(s.carried, Carried{x.oid, x.old.read, x.old.due, x.old.every, s.clocks[x.clock].label})
	if x.reading == nil {
		s.errs = append(s.errs, x.old.failed...)
	}
}

// mayCarry reports whether the rows that have labels of a part, or of which it has values, are those that they were.
func (s *Session) mayCarry(x *part) bool {
	if !s.same {
		return false
	}
	now := s.rowsBeside(x.clock)
	return slices.Equal(now, x.old.rows)
}

// rowsBeside returns the digests of the rows beside a part of a plan, as of their last read.
func (s *Session) rowsBeside(clock string) []uint64 {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]uint64, 0, len(s.clocks[clock].beside))
	for _, w := range s.clocks[clock].beside {
		rows, read := s.rows[string(w.Object)]
		if !read {
			rows = s.memory.rows[string(w.Object)]
		}
		list = append(list, rows)
	}
	return list
}

// End has the memory take the parts that the poll has read. It is called once all modules have been polled.
func (s *Session) End() {
	for _, r := range s.fresh {
		r.rows = s.rowsBeside(r.clock)
	}
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.now.has[sysUpTime] {
		m.state = s.now
	}
	maps.Copy(m.rows, s.rows)
	for k, r := range s.fresh {
		m.take(k, r, s)
	}
	for k, u := range m.units {
		if s.began.Sub(u.read) > 2*Patience(u.every, s.interval) {
			m.drop(u)
			delete(m.units, k)
		}
	}
}

// take notes how a part of a plan was read in a poll.
func (m *Memory) take(k string, r *reading, s *Session) {
	u := m.units[k]
	if u == nil {
		u = &unit{}
		m.units[k] = u
	}
	u.clock, u.every = r.clock, s.clocks[r.clock].every
	if len(r.failed) > 0 {
		u.failures++
		u.failed = r.failed
		u.due = s.began.Add(s.interval<<min(u.failures-1, maxDoublings) - s.interval/2)
		return
	}
	u.failures, u.failed, u.read, u.rows = 0, nil, s.began, r.rows
	u.due = m.next(s.began, u.every, s.interval)
	if r.copies.cut || !s.now.has[sysUpTime] {
		m.drop(u)
	} else {
		m.hold(u, r.copies)
	}
}

// Carried returns the parts that the poll did not read, and the errors of those that it tried to read. It is
// called once all modules have been polled.
func (s *Session) Carried() ([]Carried, []*access.Error) { return s.carried, s.errs }

func down(err error) bool {
	list := access.Errors(err)
	return err != nil && (len(list) == 0 || slices.ContainsFunc(list, func(e *access.Error) bool { return e.OID == nil || e.TargetFailed() }))
}

// errorsOf returns the errors that concern a part of a plan.
func errorsOf(err error, oid snmp.OID) (list []*access.Error) {
	for _, e := range access.Errors(err) {
		if e.OID.HasPrefix(oid) || oid.HasPrefix(e.OID) {
			list = append(list, e)
		}
	}
	return list
}

// errorsOutside returns the errors that are of none of some parts.
func errorsOutside(err error, parts []snmp.OID) error {
	list := access.Errors(err)
	if err == nil || len(list) == 0 {
		return err
	}
	var rest []error
	for _, e := range list {
		if !slices.ContainsFunc(parts, same(e.OID)) {
			rest = append(rest, e)
		}
	}
	return errors.Join(rest...)
}
