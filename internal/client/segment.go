package client

import (
	"bytes"
	"errors"
	"fmt"

	"trapline/internal/snmp"
)

// segment is a part of a column: the rows behind start up to and with end. Segments of one column are
// asked for at the same time, wherever their rows begin; afterwards join proves that, put one after
// the other, they equal a walk from row to row.
type segment struct {
	column     *column
	arena      *arena   // where its names and data are
	start, end snmp.OID // end is nil for the last one
	expected   int      // rows, as of the last pass; 0 when unknown
	rows       int
	size       int      // octets of data and more
	data       []byte   // the accepted bindings, encoded, one after the other
	more       [][]byte // those of later answers, which few segments have
	first      snmp.OID // the first name from the agent, nil when that was the end of the column
	last       snmp.OID // the last accepted name, a copy; start's before there is one
	over       snmp.OID // the name behind end that ended the segment; nil at the end of the column
	exact      bool     // the segment ended with end itself
	behind     snmp.OID // the name of another column with which this one ended
	ended      bool     // it ended with the end of the MIB
	done       bool
	maxRows    int  // repetitions to ask for; 0 means no limit of its own
	alone      bool // it shares no request with others
	split      *splitRequest
	halved     bool // the last answer was empty, and asked for again with fewer repetitions
	stale      bool // its column is walked anew
}

var (
	errOrder = errors.New("OID not increasing")
	errLimit = errors.New("too many rows")
)

// accept goes through the bindings of one answer and keeps those of the segment. It returns an error
// if they are not in order. A binding whose name cannot be read is left out. One whose value is of no
// type that SNMP has is kept in its place: its name is where the walk goes on. Both are counted.
func (s *segment) accept(column snmp.OID, list []byte, limit int) (unreadable int, err error) {
	common := len(column)
	if !bytes.Equal(column, column.First()) {
		common = 0 // a single number, which is no part of a name
	}
	var v snmp.VarBind
	kept := list // up to here bindings are kept, in one piece
	last := s.last
	defer func() {
		s.keep(kept, list)
		s.last = append(s.last[:0], last...)
	}()
	for len(list) > 0 {
		rest, err := snmp.NextUnchecked(list, &v)
		if err != nil || !v.Type.Known() || !s.inOrder(&v, column[:common], last) {
			if err != nil || !v.Name.Valid() {
				s.keep(kept, list)
				unreadable++
				list, kept = rest, rest
				continue
			}
			if !s.reaches(column, &v, last) {
				return unreadable, s.checkEnd(&v, last)
			}
			if v.Name.Compare(last) <= 0 {
				return unreadable, fmt.Errorf("%w: %s >= %s", errOrder, last, v.Name)
			}
			if !v.Type.Known() {
				unreadable++
			}
		}
		if s.first == nil {
			s.first = s.arena.keep(v.Name, 0)
		}
		if s.passes(&v, common) {
			return unreadable, nil
		}
		if s.rows++; s.rows > limit {
			return unreadable, errLimit
		}
		last, list = v.Name, rest
		if s.done {
			return unreadable, nil
		}
	}
	return unreadable, nil
}

// inOrder reports at little cost whether, like nearly all bindings, v has a name of the column
// which follows the last one, and a value. Where it is false, one has to look closer.
func (s *segment) inOrder(v *snmp.VarBind, column, last []byte) bool {
	return v.Type < snmp.NoSuchObject && len(column) > 0 && bytes.HasPrefix(v.Name, column) && v.Name.After(last, len(column))
}

// keep stores the bindings between two places in a list. Mostly these are all of the segment. Of a
// segment that goes on and on, nothing is copied again.
func (s *segment) keep(from, to []byte) {
	piece := from[:len(from)-len(to)]
	s.size += len(piece)
	switch {
	case len(piece) == 0:
	case s.data == nil:
		s.data = s.arena.keep(piece, 0)
	case s.size <= freeBytes:
		s.more = append(s.more, s.arena.keep(piece, 0))
	default:
		s.more = append(s.more, bytes.Clone(piece))
	}
}

// eachBinding hands on the accepted bindings in their order.
func (s *segment) eachBinding(give func(*snmp.VarBind)) {
	eachBinding(s.data, give)
	for _, piece := range s.more {
		eachBinding(piece, give)
	}
}

func eachBinding(list []byte, give func(*snmp.VarBind)) {
	var v snmp.VarBind
	for len(list) > 0 {
		rest, err := snmp.NextUnchecked(list, &v)
		if err != nil {
			return // it was read once before
		}
		give(&v)
		list = rest
	}
}

// reaches reports whether v still belongs to the column: an exception moves the walk on, too, if its name does.
func (s *segment) reaches(column snmp.OID, v *snmp.VarBind, last snmp.OID) bool {
	if v.Name.HasPrefix(column) && (!v.Type.Exception() || v.Name.Compare(last) > 0) {
		return true
	}
	s.done, s.ended = true, v.Type == snmp.EndOfMibView
	if !v.Type.Exception() {
		s.behind = s.arena.keep(v.Name, 0)
	}
	return false
}

// checkEnd returns an error if v, with which the column ended, lies in the walked subtree but not behind
// Silenced: such an agent has an order of its own, in which rows of the column may follow. Names elsewhere
// end a walk whatever they are.
func (s *segment) checkEnd(v *snmp.VarBind, last snmp.OID) error {
	if missing := v.Type == snmp.NoSuchObject || v.Type == snmp.NoSuchInstance; missing && !bytes.Equal(last, s.column.oid.First()) {
		s.done = false
		return fmt.Errorf("%w: %s is no answer to what follows %s", errOrder, v.Type, last)
	}
	if s.behind != nil && v.Name.HasPrefix(s.column.root) && v.Name.Compare(last) <= 0 {
		s.done = false
		return fmt.Errorf("%w: %s >= %s", errOrder, last, v.Name)
	}
	return nil
}

// passes reports whether v lies behind the end of the segment. With its end itself the segment is done.
// Both have their first octets, so many as common says, from the column.
func (s *segment) passes(v *snmp.VarBind, common int) bool {
	if s.end == nil {
		return false
	}
	if v.Name.After(s.end, common) {
		s.over, s.done = s.arena.keep(v.Name, 0), true
		return true
	}
	if last := len(s.end) - 1; len(v.Name) == len(s.end) && v.Name[last] == s.end[last] && bytes.Equal(v.Name, s.end) {
		s.exact, s.done = true, true
	}
	return false
}

// join reports whether the segments, all done, together equal a walk from name to name. Where
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
	payloadLimit int   // octets for bindings
	maxRows      int32 // rows; 0 means no limit
	used         int
	rows         int32
	last         []byte
	splits       []split
}

// split is where a segment ends, and how many rows it has; the last one has no end.
type split struct {
	end  string // the index of the last row: its name without that of the column
	rows int32
}

func (x *splitter) add(index []byte, size int) {
	if x.rows > 0 && (x.used+size > x.payloadLimit || x.rows == x.maxRows) {
		x.splits = append(x.splits, split{string(x.last), x.rows})
		x.used, x.rows = 0, 0
	}
	x.used += size
	x.rows++
	x.last = append(x.last[:0], index...)
}

// finish returns the segments of the rows that were added.
func (x *splitter) finish() []split { return append(x.splits, split{rows: x.rows}) }
