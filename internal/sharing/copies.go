package sharing

import (
	"sync"

	"trapline/internal/snmp"
)

const (
	// maxOctets is how many octets of one poll are kept for other modules.
	maxOctets = 1 << 20
	// maxColumn is how many of them one column may have.
	maxColumn = maxOctets / 4
	// chunkSize is how many octets are allocated at once.
	chunkSize = 8 << 10
	// headerSize is about what a binding takes beside its octets.
	headerSize = 64
)

// copies are the bindings of an instance or column.
type copies struct {
	bindings []snmp.VarBind
	octets   int
	cut      bool // there was no room for all
}

// each yields the bindings of oid, and how many octets a poll counts for each: of a row of a column the encoded binding.
func (c *copies) each(oid snmp.OID, yield func(v snmp.VarBind, octets int)) {
	for _, v := range c.bindings {
		octets := len(v.Name) + len(v.Value)
		if len(v.Name) > len(oid) {
			octets = snmp.VarBindSize(v)
		}
		yield(v, octets)
	}
}

// room is the memory of the copies of one poll.
type room struct {
	mu    sync.Mutex
	left  int // octets
	chunk []byte
}

// keep appends a copy of v to c, which may be nil, unless there is no room.
func (r *room) keep(c *copies, v snmp.VarBind) {
	if c == nil || c.cut {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(v.Name) + len(v.Value)
	if c.octets += n + headerSize; c.octets > maxColumn || r.left < n+headerSize {
		r.left += c.octets - n - headerSize
		*c = copies{cut: true}
		return
	}
	r.left -= n + headerSize
	if len(r.chunk) < n {
		r.chunk = make([]byte, max(n, chunkSize))
	}
	copied := append(append(r.chunk[:0:n], v.Name...), v.Value...)
	r.chunk = r.chunk[n:]
	name := len(v.Name)
	c.bindings = append(c.bindings, snmp.VarBind{Name: copied[:name:name], Type: v.Type, Value: copied[name:]})
}
