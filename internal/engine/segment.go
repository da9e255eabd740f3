package engine

import (
	"bytes"
	"errors"
	"fmt"

	"trapline/internal/snmp"
)

// segment is a part of a column: the rows behind start up to and with end. Segments of one column are
// asked for at the same time, wherever their rows begin; afterwards join proves that, put one after
// the other, they are what a walk from row to row would have brought.
type segment struct {
	start, end snmp.OID // end is nil for the last one
	expected   int      // rows, as of the last pass; 0 when unknown
	rows       int
	data       []byte   // the accepted bindings, encoded, one after the other
	first      snmp.OID // what the agent named first, nil when that was the end of the column
	last       snmp.OID // the last accepted name, a copy; start's before there is one
	over       snmp.OID // the name behind end that ended the segment; nil at the end of the column
	exact      bool     // the segment ended with end itself
	outside    bool     // the column ended with a name of another
	done       bool
	halved     bool // the last answer was empty, and asked for again with fewer repetitions
}

var (
	errOrder = errors.New("OID not increasing")
	errLimit = errors.New("too many rows")
)

// accept goes through the bindings of one answer. It returns an error if they are not in order.
func (s *segment) accept(column snmp.OID, varbinds []snmp.VarBind, limit int) error {
	for _, v := range varbinds {
		ended := v.Type == snmp.EndOfMibView || v.Type == snmp.NoSuchObject || v.Type == snmp.NoSuchInstance
		if ended || !v.Name.HasPrefix(column) {
			s.outside = !ended
			s.done = true
			return nil
		}
		if v.Name.Compare(s.last) <= 0 {
			return fmt.Errorf("%w: %s >= %s", errOrder, s.last, v.Name)
		}
		if s.first == nil {
			s.first = bytes.Clone(v.Name)
		}
		if s.end != nil {
			switch c := v.Name.Compare(s.end); {
			case c > 0:
				s.over, s.done = bytes.Clone(v.Name), true
				return nil
			case c == 0:
				s.exact, s.done = true, true
			}
		}
		if s.rows++; s.rows > limit {
			return errLimit
		}
		s.last = append(s.last[:0], v.Name...)
		if s.data == nil {
			s.data = make([]byte, 0, max(s.expected, len(varbinds))*snmp.VarBindSize(v)*9/8)
		}
		s.data = snmp.AppendVarBind(s.data, v)
		if s.done {
			return nil
		}
	}
	return nil
}

// join tells whether the segments, all done, are together what a walk from name to name brings. Where
// a segment ended behind its end, the agent must have named the same to those that begin there.
func join(segments []segment) bool {
	for i := range segments[:len(segments)-1] {
		s, next := &segments[i], &segments[i+1]
		if !s.exact && !bytes.Equal(s.over, next.first) {
			return false
		}
	}
	return true
}

// splitter cuts the rows of a column into segments that fill one answer each.
type splitter struct {
	room   int // octets for bindings
	used   int
	rows   int
	last   []byte
	splits []split
}

// split is where a segment ends, and how many rows it has; the last one has no end.
type split struct {
	end  []byte // the index of the last row: what follows the column in its name
	rows int
}

func (x *splitter) add(index []byte, size int) {
	if x.rows > 0 && x.used+size > x.room {
		x.splits = append(x.splits, split{bytes.Clone(x.last), x.rows})
		x.used, x.rows = 0, 0
	}
	x.used += size
	x.rows++
	x.last = append(x.last[:0], index...)
}

// finish gives the segments of the rows that were added.
func (x *splitter) finish() []split { return append(x.splits, split{rows: x.rows}) }
