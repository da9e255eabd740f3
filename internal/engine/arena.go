package engine

import "sync"

// arena lends memory to one sweep, which gives all of it back at once. Without it, each answer that is
// kept until the sweep has ended would be garbage for the collector.
type arena struct {
	chunks []*chunk
	used   int // octets of the last chunk
}

type chunk [64 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// keep copies b, with room to grow by so many octets in place.
func (a *arena) keep(b []byte, room int) []byte {
	size := len(b) + room
	if size > len(chunk{}) {
		return append([]byte(nil), b...)
	}
	if len(a.chunks) == 0 || a.used+size > len(chunk{}) {
		a.chunks, a.used = append(a.chunks, chunks.Get().(*chunk)), 0
	}
	from := a.chunks[len(a.chunks)-1][a.used : a.used : a.used+size]
	a.used += size
	return append(from, b...)
}

// free takes all back. What keep returned is no longer to be used.
func (a *arena) free() {
	for _, c := range a.chunks {
		chunks.Put(c)
	}
	*a = arena{}
}
