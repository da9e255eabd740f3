package client

import "trapline/internal/snmp"

// smallInstance is how many of an instance's bindings an answer has room for, at least, if it is to share a request.
const smallInstance = 8

// Share is what polls for several plans may share, of one of them: what the last poll brought without an error.
type Share struct {
	Instances, Columns []snmp.OID // that take less than half an answer each
	Whole              []snmp.OID // columns of any size
}

// Shares returns what p may share. Of a table with a column that was not whole it is nothing: the columns beside that one
// show the rows that it lacks. It is false where columns are not asked for one by one, or p has limits of its own.
func (t *Target) Shares(p *Plan) (s Share, ok bool) {
	o := &p.Params
	if !t.viaMux() || t.conn.Auth.Version == 1 || p.ToEnd || o.AllowNonIncreasingOIDs || o.MaxRows > 0 || o.MaxRequests > 0 || o.MaxBytes > 0 {
		return s, false
	}
	t.mux.Lock()
	defer t.mux.Unlock()
	d := t.device
	if d == nil {
		return s, true
	}
	for _, oid := range p.Get {
		if l := d.known(oid); l != nil && l.size > 0 && smallInstance*int(l.size) <= d.peer.PayloadLimit() {
			s.Instances = append(s.Instances, oid)
		}
	}
	columns := p.Columns
	if columns == nil {
		columns = p.Walk
	}
	s.Whole, s.Columns = d.wholeColumns(columns)
	return s, true
}

// wholeColumns returns the columns that the last poll brought whole, and the small ones of tables with no others.
func (d *device) wholeColumns(columns []snmp.OID) (whole, small []snmp.OID) {
	troubled := map[string]bool{}
	for _, oid := range columns {
		if d.known(oid) == nil {
			troubled[string(oid.Parent())] = true
		} else {
			whole = append(whole, oid)
		}
	}
	for _, oid := range whole {
		l := d.known(oid)
		if !troubled[string(oid.Parent())] && l.splits == nil && d.halfAnswer(int(l.rows)+1, int(l.size)) {
			small = append(small, oid)
		}
	}
	return whole, small
}
