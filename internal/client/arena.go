package client

import "sync"

// arena lends memory to one table walk, which returns all of it at once. Without it, each answer that is
// kept until the walk has ended would be garbage for the collector.
type arena struct {
	first  *firstChunk
	chunks []*chunk
	left   []byte // rest of the last chunk
}

// The first chunk has room for the names of requests: thousands of walks may wait for a first answer.
type (
	firstChunk [4 << 10]byte
	chunk      [64 << 10]byte
)

var (
	firstChunks = sync.Pool{New: func() any { return new(firstChunk) }}
	chunks      = sync.Pool{New: func() any { return new(chunk) }}
)

// keep copies b, with room to grow by so many octets in place.
func (a *arena) keep(b []byte, room int) []byte {
	size := len(b) + room
	if size > len(chunk{}) {
		return append([]byte(nil), b...)
	}
	if size > len(a.left) {
		a.grow(size)
	}
	kept := a.left[:0:size]
	a.left = a.left[size:]
	return append(kept, b...)
}

func (a *arena) grow(size int) {
	if a.first == nil && size <= len(firstChunk{}) {
		a.first = firstChunks.Get().(*firstChunk)
		a.left = a.first[:]
		return
	}
	c := chunks.Get().(*chunk)
	a.chunks, a.left = append(a.chunks, c), c[:]
}

// free returns all memory to the pools. Slices that keep returned must not be used afterwards.
func (a *arena) free() {
	if a.first != nil {
		firstChunks.Put(a.first)
	}
	for _, c := range a.chunks {
		chunks.Put(c)
	}
	*a = arena{}
}
