package client

import (
	"bytes"
	"context"
	"slices"

	"trapline/internal/snmp"
)

// A root of a walk, or a metric's OID, may be an instance itself: it was written with its index, or the
// agent leaves out the .0 of scalars. Nothing lies below such an OID, and GETNEXT of it returns the name
// behind. So OIDs with nothing below are asked for by GET, but for those that a walk has passed over.

// instances asks for the columns of a walk that may be instances.
func (p *pass) instances(ctx context.Context, s *tableWalk) {
	if s.failed != nil {
		return
	}
	gaps := s.gaps()
	var oids []snmp.OID
	for i := range s.columns {
		if c := &s.columns[i]; (c.bare() && !gaps.contain(c.oid)) || gaps.end(c.oid) {
			oids = append(oids, c.oid)
		}
	}
	p.gets(ctx, p.batches(oids), true)
}

// gap is a part of the MIB in which the agent has no names: those behind from and before to.
type gap struct{ from, to snmp.OID } // to is nil for the end of the MIB

// gaps are sorted by from.
type gaps []gap

// gaps returns the ranges between the last name of each column and the name with which it ended.
func (s *tableWalk) gaps() gaps {
	list := make(gaps, 0, len(s.columns))
	for i := range s.columns {
		c := &s.columns[i]
		if len(c.segments) == 0 || c.err != nil {
			continue
		}
		if last := &c.segments[len(c.segments)-1]; last.behind != nil || last.ended {
			list = append(list, gap{last.last, last.behind})
		}
	}
	slices.SortFunc(list, func(a, b gap) int { return a.from.Compare(b.from) })
	return list
}

// before returns the gap that begins last before oid.
func (g gaps) before(oid snmp.OID) (gap, bool) {
	i, _ := slices.BinarySearchFunc(g, oid, func(x gap, o snmp.OID) int { return x.from.Compare(o) })
	if i == 0 {
		return gap{}, false
	}
	return g[i-1], true
}

// contain reports whether oid lies in a gap, so that it is no instance.
func (g gaps) contain(oid snmp.OID) bool {
	x, ok := g.before(oid)
	return ok && (x.to == nil || x.to.Compare(oid) > 0)
}

// end reports whether a walk ended with oid itself, which then is an instance, whatever lies below it.
func (g gaps) end(oid snmp.OID) bool {
	x, ok := g.before(oid)
	return ok && bytes.Equal(x.to, oid)
}
