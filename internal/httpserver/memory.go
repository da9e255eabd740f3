package httpserver

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Memory bounds the octets of bodies buffered for slow clients. When it is short, stalled clients
// are disconnected sooner.
type Memory struct {
	max     int64
	held    atomic.Int64
	used    prometheus.Gauge
	free    chan struct{} // signals released memory
	waiting atomic.Int64

	mu      sync.Mutex
	clients map[*client]struct{} // with buffered bodies
}

// NewMemory returns a Memory of maxBytes. Its name is a label of its metrics.
func NewMemory(name string, maxBytes int64, m *Metrics) *Memory {
	return &Memory{max: maxBytes, used: m.held.WithLabelValues(name), free: make(chan struct{}, 1), clients: map[*client]struct{}{}}
}

// take reserves n octets. It reports whether that stays within limit.
func (m *Memory) take(n, limit int64) bool {
	if m.held.Add(n) > limit {
		m.held.Add(-n)
		return false
	}
	m.used.Add(float64(n))
	return true
}

func (m *Memory) give(n int64) {
	m.held.Add(-n)
	m.used.Sub(float64(n))
	select {
	case m.free <- struct{}{}:
	default:
	}
}

// client is the peer of a buffered body.
type client struct {
	blocked atomic.Pointer[time.Time] // since when the server waits for it, or nil
	cut     func()
}

func (c *client) wait() {
	now := time.Now()
	c.blocked.Store(&now)
}

func (c *client) moved() { c.blocked.Store(nil) }

func (m *Memory) enter(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c] = struct{}{}
}

func (m *Memory) leave(c *client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clients, c)
}

const (
	shortStall   = time.Second     // stall after which clients are disconnected when memory is short
	roomWait     = 5 * time.Second // maximum wait for memory
	maxRoomWaits = 16              // maximum number of waits; a waiting response keeps its source in memory
)

// cutStalled disconnects the clients that have stalled for shortStall.
func (m *Memory) cutStalled() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.clients {
		if since := c.blocked.Load(); since != nil && time.Since(*since) >= shortStall {
			c.cut()
		}
	}
}

// startCutting disconnects stalled clients until stop is called.
func (m *Memory) startCutting() (stop func()) {
	m.cutStalled()
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(shortStall / 2)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				m.cutStalled()
			}
		}
	})
	return func() { close(done); group.Wait() }
}

// await waits for the memory of a chunk and reports whether it is free. Large bodies wait for a
// shorter time: otherwise a few that hold all memory could wait for each other.
func (h *held) await(ctx context.Context) bool {
	if h.size > maxChunk {
		return h.memory.await(ctx, h.limit(), 2*shortStall)
	}
	return h.memory.await(ctx, h.limit(), roomWait)
}

// limit returns the part of the memory available to this body: a quarter is reserved for small
// ones.
func (h *held) limit() int64 {
	if h.size < maxChunk {
		return h.memory.max
	}
	return h.memory.max / 4 * 3
}

func (m *Memory) await(ctx context.Context, limit int64, wait time.Duration) bool {
	defer m.waiting.Add(-1)
	if m.waiting.Add(1) > maxRoomWaits {
		return false
	}
	defer m.startCutting()()
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for m.held.Load()+maxChunk > limit {
		select {
		case <-m.free:
		case <-timeout.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	select { // wake another waiter, in case more memory is free
	case m.free <- struct{}{}:
	default:
	}
	return true
}

// A chunk is as large as all previous chunks, within these bounds.
const minChunk, maxChunk = 2 << 10, 64 << 10

// pooled holds chunks of maxChunk, because bodies are allocated faster than garbage is collected.
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

// held is a body in memory. It is written, then read once; chunks are released as they are read.
type held struct {
	memory *Memory
	max    int64 // maximum size of this body
	chunks [][]byte
	size   int64
	read   int // octets read of the first chunk
}

// hold copies into one chunk as much of b as fits and returns the count. It returns 0 if no memory
// is free for another chunk.
func (h *held) hold(b []byte) int {
	last := len(h.chunks) - 1
	if last < 0 || len(h.chunks[last]) == cap(h.chunks[last]) {
		size := min(max(h.size, minChunk), maxChunk)
		if h.size >= h.max || !h.memory.take(size, h.limit()) {
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

// next returns the unread rest of the first chunk, or nil at the end.
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

// drop releases the first n chunks.
func (h *held) drop(n int) {
	for i, chunk := range h.chunks[:n] {
		h.memory.give(int64(cap(chunk)))
		h.chunks[i] = nil
		freeChunk(chunk)
	}
	h.chunks, h.read = h.chunks[n:], 0
}

func (h *held) dropAll() { h.drop(len(h.chunks)) }
