package measure

import (
	"net/netip"
	"slices"
	"strconv"

	"trapline/internal/snmp"
)

// Part is an object of an INDEX.
type Part struct {
	Name    string         // of the object
	Size    int            // numbers that it takes; 0: its first one says how many follow
	Implied bool           // all that are left (RFC 2578 section 7.7)
	Octets  bool           // the numbers are octets of a text or an address
	Address bool           // the octets are an IP address
	Enum    map[int]string // labels of its number
}

// cut takes the numbers of a part from the front of index. Content is without a length in front.
func (p *Part) cut(index []byte) (whole, content, rest []byte, ok bool) {
	n, front := p.Size, index
	switch {
	case p.Implied:
		return index, index, nil, true
	case p.Size == 0:
		length, behind, ok := snmp.CutArc(index)
		if !ok || length > maxArcs {
			return nil, nil, nil, false
		}
		n, front = int(length), behind
	}
	rest = front
	for ; n > 0; n-- {
		if _, rest, ok = snmp.CutArc(rest); !ok {
			return nil, nil, nil, false
		}
	}
	return index[:len(index)-len(rest)], front[:len(front)-len(rest)], rest, true
}

// cutPart returns part n, from 0, of an index that has those parts.
func cutPart(parts []Part, index []byte, n int) (whole, content []byte, ok bool) {
	for i := range parts[:n+1] {
		if whole, content, index, ok = parts[i].cut(index); !ok {
			return nil, nil, false
		}
	}
	return whole, content, true
}

// place is where part n, from 1, or from -1 backwards, is among so many; -1 if it is not.
func place(n, count int) int {
	if n < 0 {
		n += count + 1
	}
	if n < 1 || n > count {
		return -1
	}
	return n - 1
}

// number is a part of an index that no MIB explains.
var number = Part{Size: 1}

// partOf returns part n, from 1, or from -1 backwards, of an index. Where it has not the parts that its MIB says, or
// there is none, each number is a part.
func partOf(parts []Part, index []byte, n int) (p *Part, content []byte, ok bool) {
	if len(parts) > 0 {
		i := place(n, len(parts))
		if i < 0 {
			return nil, nil, false
		}
		if _, content, ok := cutPart(parts, index, i); ok {
			return &parts[i], content, true
		}
	}
	i := place(n, arcs(index))
	for ; i > 0; i-- {
		_, index, _ = snmp.CutArc(index)
	}
	_, rest, ok := snmp.CutArc(index)
	return &number, index[:len(index)-len(rest)], ok && i == 0
}

func arcs(index []byte) int {
	n := 0
	for _, c := range index {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// value is a part as an object has it: a number, or a text. It is appended to dst.
func (p *Part) value(dst, content []byte) snmp.VarBind {
	if arc, rest, ok := snmp.CutArc(content); ok && len(rest) == 0 && !p.Octets {
		return snmp.VarBind{Type: snmp.Integer, Value: snmp.AppendInt(dst, int64(arc))}
	}
	return snmp.VarBind{Type: snmp.OctetString, Value: p.appendPart(dst, content)}
}

// appendPart writes the text of a part.
func (p *Part) appendPart(dst, content []byte) []byte {
	if !p.Octets {
		if arc, rest, ok := snmp.CutArc(content); ok && len(rest) == 0 {
			if label, named := p.Enum[int(arc)]; named {
				return append(dst, label...)
			}
			return strconv.AppendUint(dst, uint64(arc), 10)
		}
		return snmp.AppendIndexText(dst, content)
	}
	var room [maxArcs]byte
	octets := room[:0]
	for len(content) > 0 && len(octets) < maxArcs {
		arc, rest, ok := snmp.CutArc(content)
		if !ok || arc > 255 {
			return dst
		}
		octets, content = append(octets, byte(arc)), rest
	}
	if p.Address {
		if a, ok := netip.AddrFromSlice(octets); ok {
			return a.AppendTo(dst)
		}
	}
	return appendOctets(dst, octets)
}

// appendIndex writes the whole index: its numbers, or its parts if some of them are octets.
func appendIndex(dst, index []byte, parts []Part) []byte {
	if !slices.ContainsFunc(parts, func(p Part) bool { return p.Octets }) {
		return snmp.AppendIndexText(dst, index)
	}
	start, rest := len(dst), index
	for i := range parts {
		_, content, behind, ok := parts[i].cut(rest)
		if !ok {
			return snmp.AppendIndexText(dst[:start], index)
		}
		if i > 0 {
			dst = append(dst, '.')
		}
		dst, rest = parts[i].appendPart(dst, content), behind
	}
	return dst
}

// lead finds how the rows of a column follow from the index of the measure's objects: the numbers of the parts of the
// same names; nil if it has others.
func lead(own, other []Part) []int {
	var from []int
	for i := range other {
		n := slices.IndexFunc(own, func(p Part) bool {
			return p.Name == other[i].Name && p.Size == other[i].Size && p.Implied == other[i].Implied
		})
		if n < 0 {
			return nil
		}
		from = append(from, n)
	}
	return from
}

// led appends the key of a row of a column whose index parts are those of index.
func led(dst, index []byte, parts []Part, from []int) ([]byte, bool) {
	for _, n := range from {
		whole, _, ok := cutPart(parts, index, n)
		if !ok {
			return dst, false
		}
		dst = append(dst, whole...)
	}
	return dst, true
}
