package client

import (
	"slices"
	"unique"

	"trapline/internal/snmp"
)

// remember keeps the findings of a poll about its instances.
func (d *device) remember(noted []instanceStats) {
	m := &d.memory
	if len(m.columns) > maxColumns {
		m.columns = nil
	}
	for _, n := range noted {
		if n.failed {
			m.fail(n.oid)
			continue
		}
		at, known := m.find(n.oid)
		if !known {
			m.columns = slices.Insert(m.columns, at, columnStats{name: unique.Make(string(n.oid)), rows: 1})
		}
		l := &m.columns[at]
		if l.traits = l.traits.with(alone, n.alone).with(failed, false); l.rows <= 1 {
			l.size = uint16(min(n.size, 1<<16-1))
		}
	}
}

// batches divides instances into those of one request each. One of which an error came shares no request, so that it
// costs the others nothing; those that were answered before make one answer.
func (d *device) batches(w *pass, oids []snmp.OID) [][]snmp.OID {
	var list, last [][]snmp.OID
	var batch []snmp.OID
	size, known := 0, true
	for _, oid := range oids {
		at, found := d.memory.find(oid)
		if found && d.memory.columns[at].traits.has(alone) {
			last = append(last, []snmp.OID{oid})
			continue
		}
		more := 0
		if found {
			more = int(d.memory.columns[at].size)
		}
		most := w.batch
		if known && found {
			most = w.knownBatch
		}
		if len(batch) > 0 && (len(batch) >= most || size+more > d.peer.PayloadLimit()) {
			list, batch, size, known = append(list, batch), nil, 0, true
		}
		batch, size, known = append(batch, oid), size+more, known && found
	}
	if len(batch) > 0 {
		list = append(list, batch)
	}
	return append(list, last...)
}
