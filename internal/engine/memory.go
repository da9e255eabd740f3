package engine

import "trapline/internal/snmp"

// memory is what was learnt about a target's columns. It only makes passes faster: that a pass is
// right does not depend on it.
type memory struct {
	columns map[string]*learnt
}

// learnt is what is known of one column.
type learnt struct {
	splits    []split // empty where the column had no rows
	size      int     // octets of a binding, rounded up
	unordered bool    // it was not in order when asked for in segments
}

const maxColumns = 10_000

// learn keeps what a sweep showed.
func (m *memory) learn(s *sweep) {
	if m.columns == nil || len(m.columns) > maxColumns {
		m.columns = map[string]*learnt{}
	}
	for _, c := range s.columns {
		if c.segments == nil || c.err != nil || (!c.changed && m.columns[string(c.oid)] != nil) {
			continue
		}
		m.columns[string(c.oid)] = c.learnt()
	}
}

func (c *column) learnt() *learnt {
	x := splitter{room: c.peer.room(), most: c.settled.most}
	rows, octets := 0, 0
	c.eachRow(func(v snmp.VarBind) {
		size := snmp.VarBindSize(v)
		rows, octets = rows+1, octets+size
		x.add(v.Name[len(c.oid):], size)
	})
	l := &learnt{unordered: c.unordered && rows > 0}
	if rows > 0 {
		l.splits, l.size = x.finish(), octets/rows+1
	}
	return l
}
