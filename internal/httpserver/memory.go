package httpserver

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Memory bounds the octets of bodies that wait for a slow client.
type Memory struct {
	max  int64
	held atomic.Int64
	used prometheus.Gauge
}

// NewMemory returns a memory of maxBytes. Its name is for metrics.
func NewMemory(name string, maxBytes int64, m *Metrics) *Memory {
	return &Memory{max: maxBytes, used: m.buffered.WithLabelValues(name)}
}

// take reserves n octets, and reports whether they were free.
func (m *Memory) take(n int64) bool {
	if m.held.Add(n) > m.max {
		m.held.Add(-n)
		return false
	}
	m.used.Add(float64(n))
	return true
}

func (m *Memory) give(n int64) {
	m.held.Add(-n)
	m.used.Sub(float64(n))
}

// Each chunk is as large as all before it, within these bounds.
const minChunk, maxChunk = 2 << 10, 64 << 10

// pooled are chunks of maxChunk: bodies come and go faster than garbage is collected.
var pooled = sync.Pool{New: func() any { return new([maxChunk]byte) }}

func newChunk(size int64) []byte {
	if size == maxChunk {
		return pooled.Get().(*[maxChunk]byte)[:0]
	}
	return make([]byte, 0, size)
}

func freeChunk(chunk []byte) {
	if cap(chunk) == maxChunk {
		pooled.Put((*[maxChunk]byte)(chunk[:maxChunk]))
	}
}

// held is a body in memory. It is written, then read once; what was read is given back.
type held struct {
	memory *Memory
	max    int64 // octets of this one
	chunks [][]byte
	size   int64
	read   int // octets of the first chunk
}

// hold copies what fits into one chunk of b, and returns 0 when there is no memory for another chunk.
func (h *held) hold(b []byte) int {
	last := len(h.chunks) - 1
	if last < 0 || len(h.chunks[last]) == cap(h.chunks[last]) {
		size := min(max(h.size, minChunk), maxChunk)
		if h.size >= h.max || !h.memory.take(size) {
			return 0
		}
		h.chunks = append(h.chunks, newChunk(size))
		last++
	}
	chunk := h.chunks[last]
	n := copy(chunk[len(chunk):cap(chunk)], b)
	h.chunks[last] = chunk[:len(chunk)+n]
	h.size += int64(n)
	return n
}

// next returns what has not been read of the first chunk, nil at the end.
func (h *held) next() []byte {
	for len(h.chunks) > 0 {
		if rest := h.chunks[0][h.read:]; len(rest) > 0 {
			return rest
		}
		h.drop(1)
	}
	return nil
}

func (h *held) Read(b []byte) (n int, err error) {
	rest := h.next()
	if rest == nil {
		return 0, io.EOF
	}
	n = copy(b, rest)
	h.read += n
	return n, nil
}

// WriteTo writes each chunk in one piece.
func (h *held) WriteTo(w io.Writer) (n int64, err error) {
	for rest := h.next(); rest != nil && err == nil; rest = h.next() {
		var m int
		m, err = w.Write(rest)
		n, h.read = n+int64(m), h.read+m
	}
	return n, err
}

// drop gives back the first n chunks.
func (h *held) drop(n int) {
	for i, chunk := range h.chunks[:n] {
		h.memory.give(int64(cap(chunk)))
		h.chunks[i] = nil
		freeChunk(chunk)
	}
	h.chunks, h.read = h.chunks[n:], 0
}

func (h *held) dropAll() { h.drop(len(h.chunks)) }
