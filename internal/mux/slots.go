package mux

import "math/rand/v2"

// slotTable assigns each attempt an id of 31 bits and finds the query by it. The id hides the number of
// the slot and how often it was used, so that whoever does not see the requests cannot forge an answer
// to one.
type slotTable struct {
	slots  []slot
	unused []uint32
	key    [3]uint32
}

type slot struct {
	uses  uint32 // of which the id holds the low bits
	query *Query // nil when unused
}

// IDMask has the bits of a request-id; the others divide them into the number of a slot and its uses.
const (
	idBits   = 31
	IDMask   = 1<<idBits - 1
	useBits  = 11
	useMask  = 1<<useBits - 1
	maxSlots = 1 << (idBits - useBits)
)

func newSlotTable() slotTable {
	return slotTable{key: [3]uint32{rand.Uint32() & IDMask, rand.Uint32() | 1, rand.Uint32() & IDMask}}
}

// take returns an id that finds q until free.
func (s *slotTable) take(q *Query) uint32 {
	var i uint32
	if n := len(s.unused); n > 0 {
		i, s.unused = s.unused[n-1], s.unused[:n-1]
	} else {
		i = uint32(len(s.slots)) // far from maxSlots: attempts in flight are bounded by windows
		s.slots = append(s.slots, slot{uses: rand.Uint32()})
	}
	s.slots[i].query = q
	return s.hide(i<<useBits | s.slots[i].uses&useMask)
}

// find returns the query of an id, or nil.
func (s *slotTable) find(id uint32) *Query {
	v := s.reveal(id)
	i := v >> useBits
	if id > IDMask || int(i) >= len(s.slots) || s.slots[i].uses&useMask != v&useMask {
		return nil
	}
	return s.slots[i].query
}

// issued reports whether an id may have been one of take's: few of those that others make up are.
func (s *slotTable) issued(id uint32) bool {
	return id <= IDMask && int(s.reveal(id)>>useBits) < len(s.slots)
}

func (s *slotTable) free(id uint32) {
	i := s.reveal(id) >> useBits
	s.slots[i].query = nil
	s.slots[i].uses++
	s.unused = append(s.unused, i)
}

// hide is a bijection of the numbers of 31 bits; reveal is its inverse.
func (s *slotTable) hide(v uint32) uint32 {
	v = (v ^ s.key[0]) * s.key[1] & IDMask
	v ^= v >> 16
	return (v*s.key[1] ^ s.key[2]) & IDMask
}

func (s *slotTable) reveal(id uint32) uint32 {
	inverse := inverseOdd(s.key[1])
	v := (id ^ s.key[2]) * inverse & IDMask
	v ^= v >> 16
	return v*inverse&IDMask ^ s.key[0]
}

// inverseOdd is the inverse of an odd number modulo 2^32: each step doubles the bits that are right.
func inverseOdd(n uint32) uint32 {
	x := n
	for range 5 {
		x *= 2 - n*x
	}
	return x
}
