package clocks

import (
	"encoding/binary"
	"slices"

	"trapline/internal/snmp"
)

// packed are the variable bindings of one part of a plan, encoded: the type, the lengths of the index and of the value, and
// both.
type packed struct {
	octets []byte
	cut    bool // there was no room for all
}

func (p *packed) size() int { return len(p.octets) }

// add appends a binding whose name begins with oid. There has to be room.
func (p *packed) add(oid snmp.OID, v snmp.VarBind) {
	index := v.Name[len(oid):]
	p.octets = append(p.octets, byte(v.Type))
	p.octets = binary.AppendUvarint(p.octets, uint64(len(index)))
	p.octets = binary.AppendUvarint(p.octets, uint64(len(v.Value)))
	p.octets = append(append(p.octets, index...), v.Value...)
}

// full reports whether there is no room for one more binding.
func (p *packed) full(v snmp.VarBind) bool {
	return len(p.octets)+len(v.Name)+len(v.Value)+2*binary.MaxVarintLen64 > maxUnit
}

// each yields the bindings below oid. They are valid during the call.
func (p *packed) each(oid snmp.OID, yield func(snmp.VarBind)) {
	name := slices.Clone(oid)
	for rest := p.octets; len(rest) > 0; {
		kind := snmp.Type(rest[0])
		index, n := binary.Uvarint(rest[1:])
		value, k := binary.Uvarint(rest[1+n:])
		rest = rest[1+n+k:]
		name = append(name[:len(oid)], rest[:index]...)
		yield(snmp.VarBind{Name: name, Type: kind, Value: rest[index : index+value]})
		rest = rest[index+value:]
	}
}
