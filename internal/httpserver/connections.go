package httpserver

import (
	"container/list"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// connections bounds the open connections. A new connection replaces the oldest that has sent no
// request yet, else the one that has been idle longest; if all are active, it is refused.
type connections struct {
	max     int
	metrics *Metrics
	gauge   prometheus.Gauge

	mu     sync.Mutex
	open   map[net.Conn]place
	silent *list.List // net.Conns that have sent nothing, oldest first
	idle   *list.List // net.Conns between two requests, longest idle first
}

// place is the position of a connection in a list; an active connection is in no list.
type place struct {
	in *list.List
	at *list.Element
}

func newConnections(limit int, m *Metrics, gauge prometheus.Gauge) *connections {
	return &connections{max: max(1, limit), metrics: m, gauge: gauge, open: map[net.Conn]place{}, silent: list.New(), idle: list.New()}
}

// MaxConnections returns a ConnState hook that bounds the open connections of another server, as those of New are.
func MaxConnections(limit int, m *Metrics) func(net.Conn, http.ConnState) {
	uncounted := prometheus.NewGauge(prometheus.GaugeOpts{Name: "connections"})
	return newConnections(limit, m, uncounted).changed
}

// changed is a ConnState hook. The server calls it for a new connection before it reads from it.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.open[conn]
	if !ok && state != http.StateNew {
		return // already refused
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
	c.gauge.Set(float64(len(c.open)))
}

// evict closes a connection that is not active. It reports whether there was one.
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

// refuse answers before it has read the request; the answer fits into the socket's buffer.
func refuse(conn net.Conn) {
	if _, encrypted := conn.(*tls.Conn); !encrypted {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			int(retryAfter.Seconds()), len(refusal), refusal)
	}
	_ = conn.Close()
}
