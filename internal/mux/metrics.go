package mux

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count the messages of all polls of a Client. They are safe for concurrent use, and a
// nil *Metrics counts nothing.
type Metrics struct {
	packets       prometheus.Counter
	retries       prometheus.Counter
	duration      prometheus.Histogram
	unexpected    prometheus.Counter
	rediscoveries prometheus.Counter
	lookups       prometheus.Counter
	internal      prometheus.Counter
	deviations    *prometheus.CounterVec

	holds atomic.Int64 // octets of answers that are held

	mu    sync.Mutex
	muxes []*Mux
}

// NewMetrics registers the metrics with r. The first four have the names and buckets of snmp_exporter.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		packets: counter("snmp_packets_total", "Number of SNMP packets sent, including retries."),
		retries: counter("snmp_packet_retries_total", "Number of SNMP packet retries."),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "snmp_packet_duration_seconds",
			Help:    "Time from the last sending of an SNMP request to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 15),
		}),
		unexpected:    counter("snmp_unexpected_pdu_type_total", "Values of a type that SNMP does not have; they are left out."),
		rediscoveries: counter("trapline_engine_rediscoveries_total", "Times that an SNMPv3 session did not match its agent and was set up again."),
		lookups:       counter("trapline_engine_lookup_failures_total", "Lookups of host names that failed."),
		internal:      counter("trapline_engine_internal_errors_total", "Polls ended by a fault of the program; each is logged."),
	}
	m.deviations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trapline_engine_deviations_total",
		Help: "Answers that deviate from the protocol and were accepted, by kind.",
	}, []string{"kind"})
	for _, kind := range []string{CompletedInstance, RepeatedRow} {
		m.deviations.WithLabelValues(kind)
	}
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "trapline_engine_socket_drops_total",
		Help: "Answers that the system dropped because the receive buffer of a socket was full.",
	}, m.dropped)
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "trapline_engine_held_bytes", Help: "Octets of answers that the running polls hold.",
	}, func() float64 { return float64(m.holds.Load()) })
	r.MustRegister(held, m.packets, m.retries, m.duration, m.unexpected, m.rediscoveries, m.lookups, m.internal, m.deviations, dropped)
	return m
}

// watch has the sockets of p counted.
func (m *Metrics) watch(p *Mux) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muxes = append(m.muxes, p)
}

func (m *Metrics) dropped() (n float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.muxes {
		n += float64(p.dropped())
	}
	return n
}

// Sent counts a request, or a retransmission.
func (m *Metrics) Sent(retry bool) {
	if m == nil {
		return
	}
	m.packets.Inc()
	if retry {
		m.retries.Inc()
	}
}

// Received counts an answer, and the time since its request.
func (m *Metrics) Received(after time.Duration) {
	if m != nil {
		m.duration.Observe(after.Seconds())
	}
}

// UnexpectedType counts a value whose type is not that of its object.
func (m *Metrics) UnexpectedType() {
	if m != nil {
		m.unexpected.Inc()
	}
}

// Rediscovered counts a discovery of an engine that was known.
func (m *Metrics) Rediscovered() {
	if m != nil {
		m.rediscoveries.Inc()
	}
}

// Unresolved counts a host name without an address.
func (m *Metrics) Unresolved() {
	if m != nil {
		m.lookups.Inc()
	}
}

func (m *Metrics) internalError() {
	if m != nil {
		m.internal.Inc()
	}
}

// The kinds of deviations that are counted.
const (
	CompletedInstance = "completed_instance" // a GET of X was answered by X.0
	RepeatedRow       = "repeated_row"       // a walk got the same row twice in a row
)

// Deviates counts an answer that deviates from the protocol, by kind.
func (m *Metrics) Deviates(kind string) {
	if m != nil {
		m.deviations.WithLabelValues(kind).Inc()
	}
}

// Holding reports the octets that polls hold.
func (m *Metrics) Holding(n int64) {
	if m != nil {
		m.holds.Add(n)
	}
}
