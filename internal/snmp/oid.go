package snmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// OID is an object identifier as its BER content octets, so that an OID decoded from a packet is a
// slice of that packet.
//
// An OID of a single arc has no BER encoding. It exists only as the root of a walk, stored as one
// octet with the top bit set: see First.
type OID []byte

var errShortOID = errors.New("an OID needs at least one number")

// ParseOID parses dotted decimal, with or without a leading dot.
func ParseOID(s string) (OID, error) {
	rest := strings.TrimPrefix(s, ".")
	if rest == "" {
		return nil, errShortOID
	}
	var o OID
	var first uint32
	for n := 0; ; n++ {
		arc, tail, more := strings.Cut(rest, ".")
		v, err := strconv.ParseUint(arc, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number from 0 to 4294967295", arc)
		}
		switch n {
		case 0:
			if v > 2 {
				return nil, fmt.Errorf("the first number is %d: only 0, 1 and 2 exist", v)
			}
			first = uint32(v)
			o = append(o, 0x80|byte(v))
		case 1:
			if first < 2 && v > 39 {
				return nil, fmt.Errorf("the second number is %d: below 0 and 1 it ends at 39", v)
			}
			o = appendArc(o[:0], uint64(first)*40+v)
		default:
			o = appendArc(o, v)
		}
		if !more {
			return o, nil
		}
		rest = tail
	}
}

// MustParseOID is ParseOID for constants. It panics on an error.
func MustParseOID(s string) OID {
	o, err := ParseOID(s)
	if err != nil {
		panic(err)
	}
	return o
}

// AppendArc appends one arc to o.
func AppendArc(o OID, arc uint32) OID { return appendArc(o, uint64(arc)) }

func appendArc(b []byte, v uint64) []byte {
	for shift := 63; shift > 0; shift -= 7 {
		if v>>shift != 0 {
			b = append(b, byte(v>>shift)|0x80)
		}
	}
	return append(b, byte(v)&0x7f)
}

// Parent returns o without its last arc. It is empty if BER cannot encode the rest.
func (o OID) Parent() OID {
	end := len(o) - 1
	for end > 0 && o[end-1] >= 0x80 {
		end--
	}
	return o[:max(end, 0)]
}

// CutLast returns the parent of o and its last arc.
func (o OID) CutLast() (parent OID, last uint32) {
	parent = o.Parent()
	last, _, _ = CutArc(o[len(parent):])
	return parent, last
}

// CutArc splits the content octets b into the first arc and the rest. The first two arcs of an OID,
// which BER combines, must have been removed. ok is false if b is empty, is truncated within an arc
// or the arc exceeds 32 bits.
func CutArc(b []byte) (arc uint32, rest []byte, ok bool) {
	var v uint64
	for i, c := range b {
		v = v<<7 | uint64(c&0x7f)
		if v > math.MaxUint32 {
			return 0, b, false
		}
		if c < 0x80 {
			return uint32(v), b[i+1:], true
		}
	}
	return 0, b, false
}

// Arcs returns the arcs of an index, the last content octets of an OID. It ends where an arc is truncated or exceeds 32
// bits.
func Arcs(index []byte) []uint32 {
	var arcs []uint32
	for len(index) > 0 {
		arc, rest, ok := CutArc(index)
		if !ok {
			break
		}
		arcs, index = append(arcs, arc), rest
	}
	return arcs
}

// First returns the OID where a walk of o starts: o, or for a single arc its smallest two-arc OID.
func (o OID) First() OID {
	if o.singleArc() {
		return OID{(o[0] & 0x7f) * 40}
	}
	return o
}

func (o OID) singleArc() bool { return len(o) == 1 && o[0] >= 0x80 }

// HasPrefix reports whether o is p or in the subtree of p.
func (o OID) HasPrefix(p OID) bool {
	if p.singleArc() {
		return len(o) > 0 && firstArc(o) == p[0]&0x7f
	}
	return bytes.HasPrefix(o, p)
}

func firstArc(o OID) byte {
	if o.singleArc() {
		return o[0] & 0x7f
	}
	return min(o[0]/40, 2)
}

// Compare compares OIDs in lexicographic order, arc by arc: -1, 0 or 1.
func (o OID) Compare(p OID) int {
	if o.singleArc() || p.singleArc() {
		return o.compareSingle(p)
	}
	n := min(len(o), len(p))
	i := 0
	for i < n && o[i] == p[i] {
		i++
	}
	if i == n {
		return cmpLen(len(o), len(p))
	}
	// The first different octet decides, unless the arcs that contain it differ in length.
	lo, lp := arcEnd(o, i), arcEnd(p, i)
	if lo != lp {
		return cmpLen(lo, lp)
	}
	if o[i] < p[i] {
		return -1
	}
	return 1
}

func (o OID) compareSingle(p OID) int {
	if len(o) == 0 || len(p) == 0 {
		return cmpLen(len(o), len(p))
	}
	if c := cmpLen(int(firstArc(o)), int(firstArc(p))); c != 0 {
		return c
	}
	switch {
	case o.singleArc() && p.singleArc():
		return 0
	case o.singleArc():
		return -1
	}
	return 1
}

// After reports whether o is Valid and greater than p, which must be valid. The first shared octets
// of both must be equal. After looks only at the octets that differ, so it is cheaper than Valid
// and Compare.
func (o OID) After(p OID, shared int) bool {
	n := min(len(o), len(p))
	i := shared
	for i < n && o[i] == p[i] {
		i++
	}
	start := i == 0 || o[i-1] < 0x80
	for _, c := range o[i:] {
		if start && c == 0x80 {
			return false
		}
		start = c < 0x80
	}
	switch {
	case !start, i == len(o):
		return false
	case i == len(p):
		return true
	}
	if lo, lp := arcEnd(o, i), arcEnd(p, i); lo != lp {
		return lo > lp
	}
	return o[i] > p[i]
}

func arcEnd(o OID, i int) int {
	for i < len(o) && o[i] >= 0x80 {
		i++
	}
	return i
}

func cmpLen(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Valid reports whether o is a sequence of complete, minimally encoded arcs, which all other
// methods require.
func (o OID) Valid() bool {
	if len(o) == 0 || o[len(o)-1] >= 0x80 {
		return false
	}
	// A padded arc begins with the octet 0x80, which few OIDs contain.
	return !o.has0x80() || o.minimal()
}

// has0x80 is bytes.IndexByte without its call overhead, which dominates for so few octets.
func (o OID) has0x80() bool {
	const all, ones = 0x8080808080808080, 0x0101010101010101
	n := len(o)
	if n < 8 || n > 16 {
		return bytes.IndexByte(o, 0x80) >= 0
	}
	// An octet 0x80 becomes 0, the only value that borrows.
	front, back := binary.LittleEndian.Uint64(o)^all, binary.LittleEndian.Uint64(o[n-8:])^all
	return ((front-ones)&^front|(back-ones)&^back)&all != 0
}

func (o OID) minimal() bool {
	start := true
	for _, c := range o {
		if start && c == 0x80 {
			return false
		}
		start = c < 0x80
	}
	return true
}

// AppendText appends o in dotted decimal without a leading dot. Arcs are written in full up to 64
// bits.
func (o OID) AppendText(b []byte) []byte {
	if len(o) == 0 {
		return b
	}
	if o.singleArc() {
		return strconv.AppendUint(b, uint64(o[0]&0x7f), 10)
	}
	var v uint64
	first := true
	for _, c := range o {
		v = v<<7 | uint64(c&0x7f)
		if c >= 0x80 {
			continue
		}
		if first {
			top := min(v/40, 2)
			b = strconv.AppendUint(b, top, 10)
			v -= top * 40
			first = false
		}
		b = append(b, '.')
		b = strconv.AppendUint(b, v, 10)
		v = 0
	}
	return b
}

// AppendIndexText appends the octets of an index (the last arcs of an OID) in dotted decimal.
func AppendIndexText(b, index []byte) []byte {
	for n := 0; len(index) > 0; n++ {
		arc, rest, ok := CutArc(index)
		if !ok {
			return b
		}
		if n > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(arc), 10)
		index = rest
	}
	return b
}

func (o OID) String() string { return string(o.AppendText(nil)) }
