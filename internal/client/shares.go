package client

// smallInstance is how many of an instance's bindings an answer has room for, at least, if it is to share a request.
const smallInstance = 8

// Shares returns the instances and columns of p that may share requests with those of other plans: the last poll brought
// them without an error, and they take less than half an answer each. It is false where columns are not asked for one by
// one, or p has limits of its own; then nothing is to be shared.
func (t *Target) Shares(p *Plan) (small Plan, ok bool) {
	o := &p.Params
	if !t.viaMux() || t.conn.Auth.Version == 1 || p.ToEnd || o.AllowNonIncreasingOIDs || o.MaxRows > 0 || o.MaxRequests > 0 || o.MaxBytes > 0 {
		return Plan{}, false
	}
	small.Params = p.Params
	t.mux.Lock()
	defer t.mux.Unlock()
	if t.device == nil {
		return small, true
	}
	for _, oid := range p.Get {
		if l := t.device.known(oid); l != nil && l.size > 0 && smallInstance*int(l.size) <= t.device.peer.PayloadLimit() {
			small.Get = append(small.Get, oid)
		}
	}
	columns := p.Columns
	if columns == nil {
		columns = p.Walk
	}
	for _, oid := range columns {
		if l := t.device.known(oid); l != nil && l.splits == nil && t.device.halfAnswer(int(l.rows)+1, int(l.size)) {
			small.Walk = append(small.Walk, oid)
		}
	}
	return small, true
}
