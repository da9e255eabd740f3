package httpserver

import (
	"container/list"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds those that are open. A new one takes the place of the oldest that has sent no request yet,
// else of the one that is idle longest; where all are at work, it is refused.
type connections struct {
	max     int
	metrics *Metrics

	mu     sync.Mutex
	open   map[net.Conn]place
	silent *list.List // of net.Conn that have sent nothing, the oldest in front
	idle   *list.List // of net.Conn between two requests, the longest idle in front
}

// place is where a connection stands in a list; without a list, it is at work.
type place struct {
	in *list.List
	at *list.Element
}

func newConnections(limit int, m *Metrics) *connections {
	return &connections{max: max(1, limit), metrics: m, open: map[net.Conn]place{}, silent: list.New(), idle: list.New()}
}

// changed is a ConnState hook. For a new connection the server calls it before it reads from it.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.open[conn]
	if !ok && state != http.StateNew {
		return // refused before
	}
	if known.in != nil {
		known.in.Remove(known.at)
	}
	switch state {
	case http.StateNew:
		if len(c.open) >= c.max && !c.evict() {
			c.metrics.refused.WithLabelValues(refusedConnections).Inc()
			refuse(conn)
			return
		}
		c.open[conn] = place{c.silent, c.silent.PushBack(conn)}
	case http.StateIdle:
		c.open[conn] = place{c.idle, c.idle.PushBack(conn)}
	case http.StateActive:
		c.open[conn] = place{}
	default:
		delete(c.open, conn)
	}
	c.metrics.connections.Set(float64(len(c.open)))
}

// evict closes a connection that serves nobody, and reports whether there was one.
func (c *connections) evict() bool {
	for _, l := range []*list.List{c.silent, c.idle} {
		if first := l.Front(); first != nil {
			conn := l.Remove(first).(net.Conn)
			delete(c.open, conn)
			_ = conn.Close()
			return true
		}
	}
	return false
}

const refusal = "too many connections, try again later\n"

// refuse answers before anything was read: what is sent fits into the socket's buffer.
func refuse(conn net.Conn) {
	if _, encrypted := conn.(*tls.Conn); !encrypted {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			int(retryAfter.Seconds()), len(refusal), refusal)
	}
	_ = conn.Close()
}
