package sharing

import (
	"slices"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// division divides the plan of a module into what is known and the rest.
type division struct {
	rest      client.Plan
	instances []column           // that are known
	columns   []column           // all, in the order of the plan
	next      int                // the first column that was not yielded
	at        int                // the column of the last binding
	kept      map[string]*copies // columns of the rest that other modules want
	room      *room
}

type column struct {
	oid   snmp.OID
	known *copies // nil if it is asked for
	kept  *copies // nil if nobody else wants it
}

// divide divides the plan of the next module.
func (s *session) divide(p *client.Plan) *division {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &division{rest: *p, kept: map[string]*copies{}, room: &s.room}
	d.rest.Get = nil
	for _, oid := range p.Get {
		if c := s.known[string(oid)]; c != nil {
			d.instances = append(d.instances, column{oid: oid, known: c})
		} else {
			d.rest.Get = append(d.rest.Get, oid)
		}
	}
	list := columnsOf(p)
	uncertain := s.uncertain(list)
	d.rest.Columns = make([]snmp.OID, 0, len(list))
	for _, oid := range list {
		c := column{oid: oid}
		if !uncertain[string(oid.Parent())] {
			c.known = s.known[string(oid)]
		}
		if s.wanted[string(oid)]--; c.known == nil {
			d.rest.Columns = append(d.rest.Columns, oid)
			if s.wanted[string(oid)] > 0 {
				c.kept = &copies{}
				d.kept[string(oid)] = c.kept
			}
		}
		d.columns = append(d.columns, c)
	}
	if len(d.rest.Columns) == 0 {
		d.rest.Walk, d.rest.Columns = nil, nil
	}
	return d
}

// uncertain are the parents of columns that may not arrive whole. Those beside them are asked for, too: they show the rows
// that these lack.
func (s *session) uncertain(columns []snmp.OID) map[string]bool {
	parents := map[string]bool{}
	for _, oid := range columns {
		if s.known[string(oid)] == nil && !s.whole[string(oid)] {
			parents[string(oid.Parent())] = true
		}
	}
	return parents
}

func (d *division) nothingLeft() bool { return len(d.rest.Get)+len(d.rest.Walk) == 0 }

// reached finds the column of a binding, and returns how many columns are to be yielded before it. Columns arrive in the
// order of the plan; before them instances, and behind them what turns out to be an instance.
func (d *division) reached(name snmp.OID) (before int) {
	is := func(c column) bool { return c.known == nil && name.HasPrefix(c.oid) }
	if at := slices.IndexFunc(d.columns[d.next:], is); at >= 0 {
		d.at = d.next + at
		return d.at
	}
	d.at = slices.IndexFunc(d.columns[:d.next], is)
	return d.next
}

// troubled returns the columns of the tables of which a column was asked for without those beside it, and did not arrive
// whole although it did the last time. All are to be asked for; a binding may arrive twice.
func (d *division) troubled(err error) (columns []snmp.OID) {
	given, failed := map[string]bool{}, map[string]bool{}
	for _, c := range d.columns {
		if c.known != nil {
			given[string(c.oid.Parent())] = true
		}
	}
	for _, e := range access.Errors(err) {
		if contains(d.rest.Columns, e.OID) {
			failed[string(e.OID.Parent())] = true
		}
	}
	for _, c := range d.columns {
		if table := c.oid.Parent(); given[string(table)] && failed[string(table)] {
			columns = append(columns, c.oid)
		}
	}
	return columns
}

// yieldColumns yields the known columns up to one.
func (d *division) yieldColumns(to int, yield func(v snmp.VarBind, octets int)) {
	for ; d.next < to; d.next++ {
		if c := d.columns[d.next].known; c != nil {
			c.each(d.columns[d.next].oid, yield)
		}
	}
}

// keep keeps a binding that has arrived for other modules.
func (d *division) keep(v snmp.VarBind) {
	if d.at >= 0 && d.columns[d.at].kept != nil {
		d.room.keep(d.columns[d.at].kept, v)
	}
}
