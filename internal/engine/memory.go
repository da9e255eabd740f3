package engine

import (
	"time"

	"trapline/internal/snmp"
)

// memory is what was learnt about a target's columns. It only makes passes faster: that a pass is
// right does not depend on it.
type memory struct {
	columns map[string]*learnt
}

// learnt is what is known of one column.
type learnt struct {
	splits     []split // empty where the column had no rows
	size       int     // octets of a binding, rounded up
	sequential bool    // it was not in order when asked for in segments
	missing    time.Duration
}

const (
	// retryMissing is how long a column that a device does not have is left alone.
	retryMissing = 24 * time.Hour
	maxColumns   = 10_000
)

// absent tells whether the device did not have the column a short while ago, though it had others of
// the same table.
func (l *learnt) absent(now time.Duration) bool {
	return l.missing > 0 && now-l.missing < retryMissing
}

// learn keeps what a sweep showed.
func (m *memory) learn(s *sweep, now time.Duration) {
	if m.columns == nil || len(m.columns) > maxColumns {
		m.columns = map[string]*learnt{}
	}
	for _, c := range s.columns {
		if c.segments == nil || c.err != nil {
			continue
		}
		m.columns[string(c.oid)] = c.learnt(now)
	}
}

func (c *column) learnt(now time.Duration) *learnt {
	x := splitter{room: c.peer.room()}
	rows, octets := 0, 0
	c.eachRow(func(v snmp.VarBind) {
		size := snmp.VarBindSize(v)
		rows, octets = rows+1, octets+size
		x.add(v.Name[len(c.oid):], size)
	})
	l := &learnt{sequential: c.sequential && rows > 0}
	switch {
	case rows > 0:
		l.splits, l.size = x.finish(), octets/rows+1
	case c.table.hasRows():
		l.missing = now
	}
	return l
}

func (t *table) hasRows() bool {
	for _, c := range t.columns {
		for i := range c.segments {
			if c.segments[i].rows > 0 {
				return true
			}
		}
	}
	return false
}
