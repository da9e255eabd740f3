// Package httpserver limits the resources that HTTP clients can occupy: connections, concurrent
// requests, buffered octets, and the time of a transfer. Requests over a limit are answered with
// 503 and counted.
package httpserver

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 5 * time.Minute // the same as Prometheus' own
	maxHeaderBytes = 32 << 10
)

// Options of a server.
type Options struct {
	MaxConnections int
	Closing        bool // connections are closed after an answer, and HTTP/1.1 is spoken alone
	Metrics        *Metrics
	Logger         *slog.Logger // for the errors of net/http
}

// New returns a server for h. A client that makes no progress in reading the response or in sending
// the body is disconnected, regardless of the time that the handler takes. Cross-origin requests
// with unsafe methods are refused.
func New(h http.Handler, o Options) *http.Server {
	connections := newConnections(o.MaxConnections, o.Metrics, o.Metrics.connections)
	s := &http.Server{
		Handler:           paced(sameOrigin(h, o.Metrics), o.Metrics),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       patience, // for answers sent before the handler runs, such as those of
		WriteTimeout:      patience, // basic authentication
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         connections.changed,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	if o.Closing {
		// When the host of one of several servers falls silent, a client that has kept connections loses a request with each, and
		// with one of HTTP/2 all until it gives that up.
		s.SetKeepAlivesEnabled(false)
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	return s
}

// Metrics counts refused requests.
type Metrics struct {
	refused     *prometheus.CounterVec
	cut         prometheus.Counter
	connections prometheus.Gauge
	inFlight    *prometheus.GaugeVec
	waiting     *prometheus.GaugeVec
	held        *prometheus.GaugeVec
}

// The reasons of refused requests, values of the label reason.
const (
	refusedConnections = "connections"
	refusedBusy        = "busy"
	refusedOrigin      = "origin"
)

// NewMetrics returns registered metrics.
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

// retryAfter is the value of Retry-After in 503 responses.
const retryAfter = 5 * time.Second

// Unavailable answers with 503 and Retry-After.
func Unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	http.Error(w, text, http.StatusServiceUnavailable)
}
