package engine

import (
	"bytes"
	"slices"

	"trapline/internal/snmp"
)

// memory is what was learnt about a target's columns. It only makes passes faster: that a pass is
// right does not depend on it. There may be one for each of tens of thousands of targets, so it is
// small: a sorted list, with nothing but numbers for a column that fits one answer.
type memory struct {
	columns []learnt // sorted by oid, octet by octet
}

// learnt is what is known of one column.
type learnt struct {
	oid       snmp.OID // the plan's, which outlives the poll
	splits    []split  // nil where one answer holds all rows
	rows      int32
	size      uint16 // octets of a binding, rounded up
	unordered bool   // it was not in order when asked for in segments
}

const maxColumns = 10_000

// of gives what is known of a column, or nil.
func (m *memory) of(oid snmp.OID) *learnt {
	if i, ok := m.find(oid); ok {
		return &m.columns[i]
	}
	return nil
}

func (m *memory) find(oid snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(m.columns, oid, func(l learnt, o snmp.OID) int { return bytes.Compare(l.oid, o) })
}

// learn keeps what a sweep showed.
func (m *memory) learn(s *sweep) {
	if len(m.columns) > maxColumns {
		m.columns = nil
	}
	if m.columns == nil {
		m.columns = make([]learnt, 0, len(s.columns))
	}
	for _, c := range s.columns {
		i, known := m.find(c.oid)
		switch {
		case c.segments == nil || c.err != nil || (known && !c.changed):
		case known:
			m.columns[i] = c.learnt()
		default:
			m.columns = slices.Insert(m.columns, i, c.learnt())
		}
	}
}

func (c *column) learnt() learnt {
	x := splitter{room: c.peer.room(), most: int32(c.settled.most)}
	rows, octets := 0, 0
	c.eachRow(func(v snmp.VarBind) {
		size := snmp.VarBindSize(v)
		rows, octets = rows+1, octets+size
		x.add(v.Name[len(c.oid):], size)
	})
	l := learnt{oid: c.oid, rows: int32(rows), unordered: c.unordered && rows > 0}
	if rows > 0 {
		l.size = uint16(octets/rows + 1)
	}
	if splits := x.finish(); len(splits) > 1 {
		l.splits = slices.Clip(splits)
	}
	return l
}

// segments gives the parts to ask for, as the last pass showed them.
func (l *learnt) segments() []split {
	if l.splits == nil {
		return []split{{rows: l.rows}}
	}
	return l.splits
}
