package agent

import (
	"iter"
	"sort"
	"time"

	"trapline/internal/snmp"
)

// Recording contains the objects of one device sorted by OID. It is immutable, so any number of
// devices may share one.
//
// Constant objects are stored as encoded bindings, one after the other in the arena, so that
// answering copies octets. For other objects the arena contains only the name.
type Recording struct {
	arena   []byte
	objects []object // plus one that marks the end of the arena
	growths []Growth
	waves   []Wave
}

type object struct {
	at      uint32 // start of its part of the arena
	motion  int32  // 0: none; n: growths[n-1]; -n: waves[n-1]
	nameLen uint16
	skip    uint8 // octets of the arena before the name
	kind    snmp.Type
}

// Len returns the number of objects.
func (r *Recording) Len() int { return len(r.objects) - 1 }

// Object returns the i-th object at the given uptime.
func (r *Recording) Object(i int, uptime time.Duration) snmp.VarBind {
	v, _, _ := snmp.CutVarBind(r.Append(nil, i, uptime.Seconds()))
	return v
}

// From returns an iterator over the objects from name on at the given uptime.
func (r *Recording) From(name snmp.OID, uptime time.Duration) iter.Seq[snmp.VarBind] {
	return func(yield func(snmp.VarBind) bool) {
		for i, _ := r.Find(name); i < r.Len() && yield(r.Object(i, uptime)); i++ {
		}
	}
}

// Still returns the recording without objects that change, for comparisons.
func (r *Recording) Still() *Recording {
	var b Builder
	for i := range r.Len() {
		if r.objects[i].motion == 0 {
			v := r.Object(i, 0)
			b.Add(v.Name, v.Type, v.Value)
		}
	}
	return b.Recording()
}

// Rename adds to b the objects of r as change returns them; those for which it returns false are left out. Of objects that
// vary, change is passed the first value, and only the name that it returns counts.
func (r *Recording) Rename(b *Builder, change func(snmp.VarBind) (snmp.VarBind, bool)) {
	for i := range r.Len() {
		v, ok := change(r.Object(i, 0))
		o := &r.objects[i]
		switch {
		case !ok:
		case o.motion == 0:
			b.Add(v.Name, v.Type, v.Value)
		case o.motion > 0:
			b.Grow(v.Name, o.kind, r.growths[o.motion-1])
		default:
			b.Wave(v.Name, o.kind, r.waves[-o.motion-1])
		}
	}
}

// Name returns the name of the i-th object.
func (r *Recording) Name(i int) snmp.OID {
	o := &r.objects[i]
	start := int(o.at) + int(o.skip)
	return snmp.OID(r.arena[start : start+int(o.nameLen)])
}

// Find returns the position of the first object that is not before name.
func (r *Recording) Find(name snmp.OID) (i int, found bool) {
	i = sort.Search(r.Len(), func(i int) bool { return r.Name(i).Compare(name) >= 0 })
	return i, i < r.Len() && r.Name(i).Compare(name) == 0
}

// Missing returns the exception for a missing name at position i: noSuchInstance if other instances
// of its object exist, else noSuchObject (RFC 3416 section 4.2.1).
func (r *Recording) Missing(name snmp.OID, i int) snmp.Type {
	parent := name.Parent()
	for _, near := range []int{i - 1, i} {
		if near < 0 || near >= r.Len() {
			continue
		}
		if other := r.Name(near); len(parent) > 0 && len(other.Parent()) == len(parent) && other.HasPrefix(parent) {
			return snmp.NoSuchInstance
		}
	}
	return snmp.NoSuchObject
}

// Kind returns the type of the i-th object.
func (r *Recording) Kind(i int) snmp.Type { return r.objects[i].kind }

// Append appends the binding of the i-th object at an uptime in seconds.
func (r *Recording) Append(b []byte, i int, seconds float64) []byte {
	o := &r.objects[i]
	if o.motion == 0 {
		return append(b, r.arena[o.at:r.objects[i+1].at]...)
	}
	var number uint64
	if o.motion > 0 {
		number = r.growths[o.motion-1].at(seconds)
	} else {
		number = r.waves[-o.motion-1].at(seconds)
	}
	var scratch [9]byte
	return snmp.AppendVarBind(b, snmp.VarBind{Name: r.Name(i), Type: o.kind, Value: appendNumber(scratch[:0], o.kind, number)})
}

// appendNumber appends a number as its type requires: wrapped to 32 bits, 64 bits, or signed.
func appendNumber(b []byte, kind snmp.Type, number uint64) []byte {
	switch kind {
	case snmp.Integer:
		return snmp.AppendInt(b, int64(number))
	case snmp.Counter64:
		return snmp.AppendUint(b, number)
	}
	return snmp.AppendUint(b, uint64(uint32(number)))
}
