package ownmib

import (
	"trapline/internal/agent"
	"trapline/internal/snmp"
)

// parts are objects of several origins in the order of their names, none of them empty. They implement agent.Objects.
type parts []agent.Objects

// at returns the part of the i-th object, and its position there.
func (p parts) at(i int) (agent.Objects, int) {
	last := len(p) - 1
	for _, part := range p[:last] {
		if i < part.Len() {
			return part, i
		}
		i -= part.Len()
	}
	return p[last], i
}

func (p parts) Len() (n int) {
	for _, part := range p {
		n += part.Len()
	}
	return n
}

func (p parts) Find(name snmp.OID) (i int, found bool) {
	before := 0
	for _, part := range p {
		if i, found = part.Find(name); i < part.Len() {
			return before + i, found
		}
		before += part.Len()
	}
	return before, false
}

func (p parts) Name(i int) snmp.OID {
	part, i := p.at(i)
	return part.Name(i)
}

func (p parts) Kind(i int) snmp.Type {
	part, i := p.at(i)
	return part.Kind(i)
}

func (p parts) Append(b []byte, i int, seconds float64) []byte {
	part, i := p.at(i)
	return part.Append(b, i, seconds)
}

func (p parts) Missing(name snmp.OID, _ int) snmp.Type {
	for _, part := range p {
		i, _ := part.Find(name)
		if part.Missing(name, i) == snmp.NoSuchInstance {
			return snmp.NoSuchInstance
		}
	}
	return snmp.NoSuchObject
}
