// Package httpserver bounds what HTTP clients can make a process hold: connections, requests at once, octets that
// wait for a reader, and the time that a client may take. What is over a bound is answered with 503, and counted.
package httpserver

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 5 * time.Minute // Prometheus keeps its connections as long
	maxHeaderBytes = 32 << 10
)

// Options of a server.
type Options struct {
	MaxConnections int
	Metrics        *Metrics
	Logger         *slog.Logger // of what net/http reports about connections
}

// New returns a server for h. Every request is paced: a client that makes no progress in reading the response or
// in sending the body is cut off, however long the handler itself may take. Requests from pages of other origins
// that could change something are refused.
func New(h http.Handler, o Options) *http.Server {
	connections := newConnections(o.MaxConnections, o.Metrics)
	return &http.Server{
		Handler:           paced(sameOrigin(h, o.Metrics), o.Metrics),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       patience, // this and the next for what is answered in front of the handler, such as by
		WriteTimeout:      patience, // basic authentication
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         connections.changed,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
}

// Metrics count what was refused.
type Metrics struct {
	refused     *prometheus.CounterVec
	cut         prometheus.Counter
	connections prometheus.Gauge
	inFlight    *prometheus.GaugeVec
	waiting     *prometheus.GaugeVec
	held        *prometheus.GaugeVec
}

// Why a request was refused, in the label reason.
const (
	refusedConnections = "connections"
	refusedBusy        = "busy"
	refusedOrigin      = "origin"
)

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: "trapline_http_" + name, Help: help}
	}
	m := &Metrics{
		refused:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trapline_http_refused_total", Help: "Requests and connections that were refused."}, []string{"reason"}),
		cut:         prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_http_cut_total", Help: "Responses that were ended because the client did not read them."}),
		connections: prometheus.NewGauge(gauge("connections", "Open HTTP connections.")),
		inFlight:    prometheus.NewGaugeVec(gauge("requests_in_flight", "Requests that are being served, of paths with a limit."), []string{"path"}),
		waiting:     prometheus.NewGaugeVec(gauge("requests_waiting", "Requests that wait for their turn."), []string{"path"}),
		held:        prometheus.NewGaugeVec(gauge("held_bytes", "Memory for bodies that wait for slow clients."), []string{"of"}),
	}
	for _, reason := range []string{refusedConnections, refusedBusy, refusedOrigin} {
		m.refused.WithLabelValues(reason)
	}
	r.MustRegister(m.refused, m.cut, m.connections, m.inFlight, m.waiting, m.held)
	return m
}

// retryAfter is when a client may try again that was refused.
const retryAfter = 5 * time.Second

// Unavailable answers 503, and when to try again.
func Unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	http.Error(w, text, http.StatusServiceUnavailable)
}
