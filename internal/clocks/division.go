package clocks

import (
	"bytes"
	"context"
	"hash/maphash"
	"maps"
	"slices"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// division divides a plan into the parts that are asked for and those that are carried.
type division struct {
	session *Session
	plan    *client.Plan
	rest    client.Plan
	parts   []*part
	byOID   map[string]*part // instances that are asked for
	columns []*part          // that are asked for
	at      int              // the column of the last binding
}

// part is an instance, a column or the object of a filter.
type part struct {
	oid     snmp.OID
	key     string
	clock   string
	old     unit     // as it was read last
	carried bool     // it is not due
	reading *reading // of a part with a clock that is due
	watched []collector.Watch
	rows    []uint64 // digests of the rows of watched
}

func same(a snmp.OID) func(snmp.OID) bool {
	return func(b snmp.OID) bool { return bytes.Equal(a, b) }
}

// divide divides a plan. Where the session below does not ask for columns, they are divided by the walks that they lie in.
func (s *Session) divide(p *client.Plan) *division {
	d := &division{session: s, plan: p, rest: *p, byOID: map[string]*part{}}
	d.rest.Get, d.rest.Walk, d.rest.Columns = nil, nil, nil
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	for _, oid := range p.Get {
		d.instance(s.part(p, oid))
	}
	switch below, is := s.Session.(sharer); {
	case p.Columns == nil || is && !sharesColumns(below, p):
		d.walks(p)
	default:
		for _, oid := range p.Columns {
			if x := d.column(s.part(p, oid)); !x.carried {
				d.rest.Columns = append(d.rest.Columns, oid)
			}
		}
		if len(d.rest.Columns) == 0 {
			d.rest.Columns = nil
		} else {
			d.rest.Walk = p.Walk
		}
	}
	return d
}

func sharesColumns(s sharer, p *client.Plan) bool {
	_, ok := s.Shares(&client.Plan{Params: p.Params})
	return ok
}

func (d *division) walks(p *client.Plan) {
	for _, root := range p.Walk {
		if d.column(d.session.part(p, root)).carried {
			continue
		}
		d.rest.Walk = append(d.rest.Walk, root)
		for _, oid := range p.Columns {
			if oid.HasPrefix(root) {
				d.rest.Columns = append(d.rest.Columns, oid)
			}
		}
	}
}

func (d *division) instance(x *part) {
	if d.parts = append(d.parts, x); !x.carried {
		d.rest.Get = append(d.rest.Get, x.oid)
		d.byOID[string(x.oid)] = x
	}
}

func (d *division) column(x *part) *part {
	if d.parts = append(d.parts, x); !x.carried {
		d.columns = append(d.columns, x)
	}
	return x
}

// part decides whether a part of a plan is carried. The memory is locked.
func (s *Session) part(p *client.Plan, oid snmp.OID) *part {
	x := &part{oid: oid, key: key(p, oid)}
	x.watched = s.watches.overlapping(oid)
	if x.clock = s.clockOf(p, oid); x.clock == "" {
		return x
	}
	if u := s.memory.units[x.key]; u != nil && u.valid(s.began, s.interval) {
		x.old = *u
	}
	if x.carried = s.carries(x.key) != nil; !x.carried {
		x.reading = &reading{clock: x.clock}
	}
	return x
}

// clockOf returns the key of the clock of a part of a plan: of an instance that a filter let through, that of its column.
func (s *Session) clockOf(p *client.Plan, oid snmp.OID) string {
	k := key(p, oid)
	if _, is := s.clocks[k]; is {
		return k
	}
	if p.Columns != nil || p.Filter || !slices.ContainsFunc(p.Get, same(oid)) {
		return ""
	}
	for above := oid.Parent(); len(above) > 0; above = above.Parent() {
		if _, is := s.clocks[string(above)]; is {
			return string(above)
		}
	}
	return ""
}

func (d *division) carries() bool {
	return slices.ContainsFunc(d.parts, func(x *part) bool { return x.carried || x.reading != nil })
}

// asks reports whether the rest of the plan asks for an instance.
func (d *division) asks(oid snmp.OID) bool {
	return d.byOID[string(oid)] != nil || slices.ContainsFunc(d.columns, func(x *part) bool { return oid.HasPrefix(x.oid) })
}

// again returns a division that asks for parts that were carried.
func (d *division) again(parts []*part) *division {
	next := &division{session: d.session, plan: d.plan, rest: *d.plan, byOID: map[string]*part{}}
	next.rest.Get, next.rest.Walk, next.rest.Columns = nil, nil, nil
	for _, x := range parts {
		x.carried, x.old.held, x.reading = false, false, &reading{clock: x.clock}
		if slices.ContainsFunc(d.plan.Get, same(x.oid)) {
			next.instance(x)
		} else {
			next.column(x)
			next.rest.Walk = append(next.rest.Walk, x.oid)
		}
	}
	return next
}

// poll asks for the rest. It yields parts without a clock, and keeps the others.
func (d *division) poll(ctx context.Context, plan client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if len(plan.Get)+len(plan.Walk) == 0 {
		return client.Stats{}, nil
	}
	return d.session.Session.Poll(ctx, &plan, func(v snmp.VarBind) {
		x := d.find(v.Name)
		if x == nil {
			yield(v)
			return
		}
		x.note(v)
		if x.reading == nil || x.reading.keep(x.oid, v, yield) {
			yield(v)
		}
	})
}

// find returns the part that a binding belongs to, nil if none.
func (d *division) find(name snmp.OID) *part {
	if d.at < len(d.columns) && name.HasPrefix(d.columns[d.at].oid) {
		return d.columns[d.at]
	}
	if x := d.byOID[string(name)]; x != nil {
		return x
	}
	is := func(x *part) bool { return name.HasPrefix(x.oid) }
	at := -1
	if next := d.at + 1; next < len(d.columns) {
		if at = slices.IndexFunc(d.columns[next:], is); at >= 0 {
			at += next
		}
	}
	if at < 0 {
		at = slices.IndexFunc(d.columns, is)
	}
	if at < 0 {
		return nil
	}
	d.at = at
	return d.columns[at]
}

// keep keeps a binding, or if there is no room yields those that were kept, and reports that v is to be yielded, too.
func (r *reading) keep(oid snmp.OID, v snmp.VarBind, yield func(snmp.VarBind)) (yields bool) {
	if !r.copies.cut && r.copies.full(v) {
		r.copies.each(oid, yield)
		r.copies = packed{cut: true}
	}
	if r.copies.cut {
		return true
	}
	r.copies.add(oid, v)
	return false
}

var seed = maphash.MakeSeed()

// note adds a binding to the digests of the rows. The order of rows does not count.
func (x *part) note(v snmp.VarBind) {
	for i := range x.watched {
		w := &x.watched[i]
		if !v.Type.HasValue() || !v.Name.HasPrefix(w.Object) {
			continue
		}
		if x.rows == nil {
			x.rows = make([]uint64, len(x.watched))
		}
		digest := maphash.Bytes(seed, v.Name[len(w.Object):])
		if w.Values {
			digest = digest*31 + maphash.Bytes(seed, v.Value)
		}
		x.rows[i] += digest | 1
	}
}

// noteRows has the session take the digests of the parts that were asked for.
func (d *division) noteRows() {
	rows := map[string]uint64{}
	for _, x := range d.parts {
		if x.carried {
			continue
		}
		for i, w := range x.watched {
			rows[string(w.Object)] += 0
			if x.rows != nil {
				rows[string(w.Object)] += x.rows[i]
			}
		}
	}
	d.session.mu.Lock()
	defer d.session.mu.Unlock()
	maps.Copy(d.session.rows, rows)
}

// watches are objects whose rows are watched, sorted.
type watches []collector.Watch

func newWatches(clocks map[string]clock) (list watches) {
	seen := map[string]int{}
	for _, x := range clocks {
		for _, w := range x.beside {
			if at, known := seen[string(w.Object)]; known {
				list[at].Values = list[at].Values || w.Values
				continue
			}
			seen[string(w.Object)] = len(list)
			list = append(list, w)
		}
	}
	slices.SortFunc(list, func(a, b collector.Watch) int { return bytes.Compare(a.Object, b.Object) })
	return list
}

// overlapping returns those that a part of a plan is below or above of.
func (l watches) overlapping(oid snmp.OID) watches {
	at, exact := l.at(oid)
	if exact || at < len(l) && l[at].Object.HasPrefix(oid) {
		end := at + 1
		for end < len(l) && l[end].Object.HasPrefix(oid) {
			end++
		}
		return l[at:end]
	}
	for above := oid.Parent(); len(above) > 0; above = above.Parent() {
		if at, exact := l.at(above); exact {
			return l[at : at+1]
		}
	}
	return nil
}

func (l watches) at(oid snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(l, oid, func(w collector.Watch, oid snmp.OID) int { return bytes.Compare(w.Object, oid) })
}
