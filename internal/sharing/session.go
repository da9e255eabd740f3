// Package sharing makes one session for all modules of a poll, in which their small parts share requests.
package sharing

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// sharer is a session that can say what of a plan may share requests with other plans.
type sharer interface {
	Shares(*client.Plan) (s client.Share, ok bool)
}

// session is that of one poll. What its modules want of few octets is asked for together when the first of them is
// polled: most want little, and a message has room for dozens. A column that several modules want is asked for once.
//
// Only what the last poll brought without an error is asked for together, and what then does not arrive whole each module
// asks for by itself: so it receives what it would without sharing. It counts the bindings that it receives, while a
// packet counts for the module that was polled when it was sent.
type session struct {
	collector.Session

	joint    client.Plan     // of what the modules share
	shared   map[string]bool // instances and columns of it
	answered chan struct{}   // closed when joint has been asked for
	down     error           // of the target; valid then

	mu     sync.Mutex
	asked  bool
	wanted map[string]int     // modules that have yet to ask for a column
	whole  map[string]bool    // columns that the last poll brought whole
	known  map[string]*copies // instances and columns that arrived whole
	room   room
}

// Session returns the session of a poll with modules over s. Modules share nothing if they have filters, or other
// parameters of requests than the first one.
func Session(s collector.Session, modules []*collector.Module, params func(*collector.Module) *client.Params) collector.Session {
	from, ok := s.(sharer)
	if !ok || len(modules) < 2 {
		return s
	}
	a := &session{
		Session: s, shared: map[string]bool{}, answered: make(chan struct{}), wanted: map[string]int{}, whole: map[string]bool{},
		known: map[string]*copies{}, room: room{left: maxOctets},
	}
	first := *params(modules[0])
	for _, m := range modules {
		if m.Filtered() || *params(m) != first {
			continue
		}
		plan := m.Plan
		plan.Params = first
		share, ok := from.Shares(&plan)
		if !ok {
			return s
		}
		for _, oid := range columnsOf(&plan) {
			a.wanted[string(oid)]++
		}
		a.joint.Params = first
		a.joint.Get = appendNew(a.joint.Get, a.shared, share.Instances)
		a.joint.Walk = appendNew(a.joint.Walk, a.shared, share.Columns)
		for _, oid := range share.Whole {
			a.whole[string(oid)] = true
		}
	}
	a.joint.Walk = apart(a.joint.Walk)
	a.joint.Get = slices.DeleteFunc(a.joint.Get, func(oid snmp.OID) bool { return within(a.joint.Walk, oid) >= 0 })
	return a
}

func columnsOf(p *client.Plan) []snmp.OID {
	if p.Columns == nil {
		return p.Walk
	}
	return p.Columns
}

func appendNew(list []snmp.OID, seen map[string]bool, more []snmp.OID) []snmp.OID {
	for _, oid := range more {
		if !seen[string(oid)] {
			seen[string(oid)] = true
			list = append(list, oid)
		}
	}
	return list
}

// apart sorts columns, and leaves out those below others.
func apart(columns []snmp.OID) []snmp.OID {
	slices.SortFunc(columns, snmp.OID.Compare)
	var last snmp.OID
	return slices.DeleteFunc(columns, func(oid snmp.OID) bool {
		below := last != nil && oid.HasPrefix(last)
		if !below {
			last = oid
		}
		return below
	})
}

// within returns which of columns, which lie apart, a name is in, or -1.
func within(columns []snmp.OID, name snmp.OID) int {
	at, exact := slices.BinarySearchFunc(columns, name, snmp.OID.Compare)
	if !exact {
		at--
	}
	if at >= 0 && name.HasPrefix(columns[at]) {
		return at
	}
	return -1
}

// Poll yields what is known, and asks for the rest.
func (s *session) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if len(p.Next) > 0 || p.ToEnd || p.Params != s.joint.Params {
		return s.Session.Poll(ctx, p, yield)
	}
	stats, down := s.askTogether(ctx, p)
	if down != nil {
		return stats, down
	}
	d := s.divide(p)
	count := func(v snmp.VarBind, octets int) {
		stats.VarBinds++
		stats.Bytes += octets
		yield(v)
	}
	for _, c := range d.instances {
		c.known.each(c.oid, count)
	}
	if d.nothingLeft() {
		d.yieldColumns(len(d.columns), count)
		return stats, nil
	}
	own, err := s.Session.Poll(ctx, &d.rest, func(v snmp.VarBind) {
		d.yieldColumns(d.reached(v.Name), count)
		d.keep(v)
		yield(v)
	})
	d.yieldColumns(len(d.columns), count)
	s.learn(d, err)
	stats.Add(own)
	if tables := d.troubled(err); len(tables) > 0 && ctx.Err() == nil {
		again := client.Plan{Walk: tables, Params: p.Params}
		more, failed := s.Session.Poll(ctx, &again, yield)
		stats.Add(more)
		err = errors.Join(errorsOutside(err, tables), failed)
	}
	return stats, err
}

// errorsOutside returns the errors that are of none of columns.
func errorsOutside(err error, columns []snmp.OID) error {
	var rest []error
	for _, e := range access.Errors(err) {
		if !contains(columns, e.OID) {
			rest = append(rest, e)
		}
	}
	return errors.Join(rest...)
}

// askTogether asks for what the modules share if p wants any of it. The error is that of the target itself. Modules that
// are polled at the same time wait for the answers.
func (s *session) askTogether(ctx context.Context, p *client.Plan) (client.Stats, error) {
	if !s.wantsAny(p) {
		return client.Stats{}, nil
	}
	s.mu.Lock()
	first := !s.asked
	s.asked = true
	s.mu.Unlock()
	if !first {
		select {
		case <-s.answered:
			return client.Stats{}, s.down
		case <-ctx.Done():
			return client.Stats{}, nil // the poll of p says why
		}
	}
	defer close(s.answered)
	got := map[string]*copies{}
	for _, oid := range s.joint.Walk {
		got[string(oid)] = &copies{}
	}
	stats, err := s.Session.Poll(ctx, &s.joint, func(v snmp.VarBind) {
		at := within(s.joint.Walk, v.Name)
		switch {
		case at >= 0:
			s.room.keep(got[string(s.joint.Walk[at])], v)
		case s.shared[string(v.Name)]:
			c := &copies{}
			got[string(v.Name)] = c
			s.room.keep(c, v)
		}
	})
	stats.VarBinds, stats.Bytes = 0, 0
	if slices.ContainsFunc(access.Errors(err), (*access.Error).TargetFailed) {
		s.down = err
		return stats, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(got, err)
	return stats, nil
}

func (s *session) wantsAny(p *client.Plan) bool {
	shared := func(oid snmp.OID) bool { return s.shared[string(oid)] }
	return slices.ContainsFunc(p.Get, shared) || slices.ContainsFunc(columnsOf(p), shared)
}

func contains(list []snmp.OID, oid snmp.OID) bool {
	return slices.ContainsFunc(list, func(o snmp.OID) bool { return bytes.Equal(o, oid) })
}

// take makes known what arrived whole. Columns beside one with an error stay unknown: they show the rows that it lacks.
func (s *session) take(got map[string]*copies, err error) {
	if err != nil && len(access.Errors(err)) == 0 {
		return
	}
	beside := map[string]bool{}
	for _, e := range access.Errors(err) {
		if e.OID == nil {
			return
		}
		delete(got, string(e.OID))
		beside[string(e.OID.Parent())] = true
		delete(s.whole, string(e.OID))
	}
	for oid, c := range got {
		if c != nil && !c.cut && !beside[string(snmp.OID(oid).Parent())] {
			s.known[oid] = c
		}
	}
}

// learn takes the columns of a poll that other modules want, too.
func (s *session) learn(d *division, err error) {
	if len(d.kept) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(d.kept, err)
}
