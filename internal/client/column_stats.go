package client

import (
	"slices"
	"strings"
	"unique"

	"trapline/internal/snmp"
)

// memory holds the statistics of a target's columns. It only makes passes faster: that a pass is
// right does not depend on it. There may be one for each of tens of thousands of targets, so it is
// small: a sorted list, with nothing but numbers for a column that fits one answer.
type memory struct {
	columns []columnStats // sorted by name
}

// columnStats describes one column as the last walk found it.
type columnStats struct {
	name   unique.Handle[string] // the octets of its OID, of which all targets share one copy
	splits *[]split              // nil where one answer holds all rows
	rows   int32
	size   uint16 // octets of a binding, rounded up
	traits traits
}

// traits of a column or an instance.
type traits uint8

const (
	unordered traits = 1 << iota // it was not in order when asked for in segments
	alone                        // an error came of it
	failed                       // it did not arrive whole the last time
)

func (t traits) has(x traits) bool { return t&x != 0 }

// with returns the traits with x, or without it.
func (t traits) with(x traits, present bool) traits {
	if present {
		return t | x
	}
	return t &^ x
}

// maxColumns bounds the columns that are remembered of one target.
const maxColumns = 10_000

func (m *memory) find(oid snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(m.columns, string(oid), func(l columnStats, o string) int { return strings.Compare(l.name.Value(), o) })
}

// load sets the statistics of the columns of a walk. The memory must not change until store.
func (m *memory) load(s *tableWalk) {
	for i := range s.columns {
		if at, ok := m.find(s.columns[i].oid); ok {
			known := m.columns[at]
			s.columns[i].known = &known
		}
	}
}

// store keeps the statistics of the columns of a walk.
func (m *memory) store(s *tableWalk) {
	if len(m.columns) > maxColumns {
		m.columns = nil
	}
	if m.columns == nil {
		m.columns = make([]columnStats, 0, len(s.columns))
	}
	for i := range s.columns {
		c := &s.columns[i]
		m.set(c.oid, c.stats())
	}
}

// fail notes that a column or instance did not arrive, if it is known.
func (m *memory) fail(oid snmp.OID) {
	if at, known := m.find(oid); known {
		m.columns[at].traits |= failed
	}
}

// failOpen notes the columns of a walk that were open when the target failed.
func (m *memory) failOpen(s *tableWalk) {
	for i := range s.columns {
		if c := &s.columns[i]; !c.done() {
			m.fail(c.oid)
		}
	}
}

func (m *memory) set(oid snmp.OID, l columnStats) {
	if at, known := m.find(oid); known {
		m.columns[at] = l
	} else {
		m.columns = slices.Insert(m.columns, at, l)
	}
}

// stats returns the statistics of the walked column, or the earlier ones where they still hold.
func (c *column) stats() columnStats {
	l := columnStats{name: unique.Make(string(c.oid))}
	if c.known != nil {
		l = *c.known
	}
	l.traits = l.traits.with(alone, c.alone).with(failed, c.err != nil)
	if c.err != nil || (c.known != nil && !c.changed) {
		return l
	}
	x := c.splitter()
	rows, octets := 0, 0
	c.eachRow(func(v *snmp.VarBind) {
		size := snmp.VarBindSize(*v)
		rows, octets = rows+1, octets+size
		x.add(v.Name[len(c.oid):], size)
	})
	l.rows, l.traits, l.splits, l.size = int32(rows), l.traits.with(unordered, c.unordered && rows > 0), nil, 0
	if rows > 0 {
		l.size = uint16(min(octets/rows+1, 1<<16-1))
	}
	if splits := x.finish(); len(splits) > 1 {
		splits = slices.Clip(splits)
		l.splits = &splits
	}
	return l
}

// segments returns the parts to request, as the last walk found them.
func (l *columnStats) segments() []split {
	if l.splits == nil {
		return []split{{rows: l.rows}}
	}
	return *l.splits
}
