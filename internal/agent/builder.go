package agent

import (
	"net/netip"
	"slices"

	"trapline/internal/snmp"
)

// Builder collects objects, in any order, for a Recording. The zero value is ready to use. If an
// OID occurs twice the first is used.
type Builder struct {
	drafts  []draft
	growths []Growth
	waves   []Wave
}

type draft struct {
	snmp.VarBind
	motion int32
}

// Add adds a constant object with the BER content octets of its value. It retains both slices.
func (b *Builder) Add(name snmp.OID, t snmp.Type, value []byte) {
	b.drafts = append(b.drafts, draft{snmp.VarBind{Name: name, Type: t, Value: value}, 0})
}

// Int adds an INTEGER.
func (b *Builder) Int(name snmp.OID, v int64) { b.Add(name, snmp.Integer, snmp.AppendInt(nil, v)) }

// Uint adds an object of an unsigned type.
func (b *Builder) Uint(name snmp.OID, t snmp.Type, v uint64) { b.Add(name, t, snmp.AppendUint(nil, v)) }

// Text adds an OCTET STRING.
func (b *Builder) Text(name snmp.OID, s string) { b.Add(name, snmp.OctetString, []byte(s)) }

// ObjectID adds an OBJECT IDENTIFIER.
func (b *Builder) ObjectID(name, v snmp.OID) { b.Add(name, snmp.ObjectIdentifier, v) }

// IP adds an IpAddress.
func (b *Builder) IP(name snmp.OID, v netip.Addr) { b.Add(name, snmp.IPAddress, v.AsSlice()) }

// Grow adds an object that grows.
func (b *Builder) Grow(name snmp.OID, t snmp.Type, g Growth) {
	b.growths = append(b.growths, g)
	b.drafts = append(b.drafts, draft{snmp.VarBind{Name: name, Type: t}, int32(len(b.growths))})
}

// Wave adds an object that rises and falls.
func (b *Builder) Wave(name snmp.OID, t snmp.Type, w Wave) {
	b.waves = append(b.waves, w)
	b.drafts = append(b.drafts, draft{snmp.VarBind{Name: name, Type: t}, -int32(len(b.waves))})
}

// Recording returns the collected objects and resets the builder.
func (b *Builder) Recording() *Recording {
	drafts := b.drafts
	slices.SortStableFunc(drafts, func(x, y draft) int { return x.Name.Compare(y.Name) })
	drafts = slices.CompactFunc(drafts, func(x, y draft) bool { return x.Name.Compare(y.Name) == 0 })

	r := &Recording{
		arena:   make([]byte, 0, arenaSize(drafts)),
		objects: make([]object, 0, len(drafts)+1),
		growths: slices.Clip(b.growths),
		waves:   slices.Clip(b.waves),
	}
	for _, d := range drafts {
		o := object{at: uint32(len(r.arena)), motion: d.motion, nameLen: uint16(len(d.Name)), kind: d.Type}
		if d.motion == 0 {
			r.arena = snmp.AppendVarBind(r.arena, d.VarBind)
			o.skip = nameOffset(r.arena[o.at:])
		} else {
			r.arena = append(r.arena, d.Name...)
		}
		r.objects = append(r.objects, o)
	}
	r.objects = append(r.objects, object{at: uint32(len(r.arena))})
	*b = Builder{}
	return r
}

func arenaSize(drafts []draft) int {
	n := 0
	for _, d := range drafts {
		if d.motion == 0 {
			n += snmp.VarBindSize(d.VarBind)
		} else {
			n += len(d.Name)
		}
	}
	return n
}

// nameOffset returns the number of octets before the name in an encoded binding.
func nameOffset(binding []byte) uint8 {
	v, _, _ := snmp.CutVarBind(binding)
	return uint8(cap(binding) - cap(v.Name)) // both end at the end of the arena
}
