// Package outcomes counts the outcomes of notifications.
package outcomes

import (
	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/originator"
)

// Metrics counts the outcomes of notifications by receiver.
type Metrics struct {
	sent, acked, retransmits, Dead, Coalesced, Dropped, Moved, Trimmed *prometheus.CounterVec
	AlertsRefused, AlertsTruncated                                     prometheus.Counter // alerts
	reports, Faults                                                    *prometheus.CounterVec
	Misread                                                            prometheus.Counter
	rtt                                                                *prometheus.HistogramVec
	lastAck                                                            *prometheus.GaugeVec
	transitions                                                        *prometheus.CounterVec

	AlarmsRefused prometheus.Counter
}

// New returns metrics that are registered with r.
func New(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trapline_notifications_" + name + "_total", Help: help}, append([]string{"receiver"}, more...))
		r.MustRegister(c)
		return c
	}
	refused := prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_alerts_refused_total", Help: "Alerts of Prometheus and Alertmanager refused because they exceed a limit or have no alertname."})
	truncated := prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_alerts_truncated_total", Help: "Alerts that Alertmanager left out of its webhooks (truncatedAlerts), by max_alerts of its receiver."})
	r.MustRegister(refused, truncated)
	m := &Metrics{
		AlertsRefused: refused, AlertsTruncated: truncated,
		sent:        counter("sent", "Messages sent, retransmissions included."),
		acked:       counter("delivered", "Notifications that the receiver acknowledged; for traps, that were sent."),
		retransmits: counter("retransmits", "Messages retransmitted because no acknowledgement came."),
		Dead:        counter("dead", "Notifications given up.", "reason"),
		Coalesced:   counter("coalesced", "Notifications that a later one replaced before they were sent."),
		Dropped:     counter("dropped", "Notifications dropped unsent.", "reason"),
		Moved:       counter("moved", "Notifications that went to another receiver of the group, because this one did not acknowledge."),
		Trimmed:     counter("trimmed", "Labels left out and texts cut so that a notification fits."),
		reports:     counter("reports", "Reports of the receiver's SNMPv3 engine.", "reason"),
		Faults:      counter("faults", "Variables that notifications lack because they could not be sent as their rule names them.", "reason"),
		transitions: newTransitions(),
		Misread: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trapline_alarms_misread_total", Help: "Annotations of alarms that have no effect: variable bindings that cannot be read, unknown receivers and tags.",
		}),
		AlarmsRefused: prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_alarms_refused_total", Help: "Alarms refused because too many are active, or because they are too large."}),
		rtt: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "trapline_notification_ack_seconds", Help: "Time from sending a notification to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"receiver"}),
	}
	m.lastAck = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "trapline_receiver_last_confirmed_timestamp_seconds", Help: "When the receiver last acknowledged; for traps, when one was last sent.",
	}, []string{"receiver"})
	r.MustRegister(m.rtt, m.Misread, m.lastAck)
	r.MustRegister(m.AlarmsRefused, m.transitions)
	return m
}

// The values of the label reason.
const (
	Expired = "expired" // given up
	Refused = "refused" // given up
	Full    = "full"    // dropped
	ByHand  = "command" // dropped
)

// Begin creates the metrics of a receiver with the value 0, so that the first event is an increase.
func (m *Metrics) Begin(receiver string) {
	for _, c := range []*prometheus.CounterVec{m.sent, m.acked, m.retransmits, m.Coalesced, m.Moved, m.Trimmed} {
		c.WithLabelValues(receiver)
	}
	for _, reason := range []string{Expired, Refused} {
		m.Dead.WithLabelValues(receiver, reason)
	}
	for _, reason := range []string{Full, ByHand} {
		m.Dropped.WithLabelValues(receiver, reason)
	}
	m.rtt.WithLabelValues(receiver)
}

// End deletes the metrics of a removed receiver.
func (m *Metrics) End(receiver string) {
	of := prometheus.Labels{"receiver": receiver}
	for _, c := range []*prometheus.CounterVec{m.sent, m.acked, m.retransmits, m.Dead, m.Coalesced, m.Dropped, m.Moved, m.Trimmed, m.reports, m.Faults} {
		c.DeletePartialMatch(of)
	}
	m.rtt.Delete(of)
	m.lastAck.Delete(of)
}

// Delivered counts a delivery. more is true if the same trap is to be sent again.
func (m *Metrics) Delivered(receiver string, r originator.Receipt, err error, more bool) {
	m.sent.WithLabelValues(receiver).Add(float64(r.Sent))
	m.retransmits.WithLabelValues(receiver).Add(float64(max(0, r.Sent-1)))
	for _, kind := range r.Reports {
		m.reports.WithLabelValues(receiver, string(access.ReportReason(kind))).Inc()
	}
	if err != nil || r.Sent == 0 || more {
		return
	}
	m.lastAck.WithLabelValues(receiver).SetToCurrentTime()
	m.acked.WithLabelValues(receiver).Inc()
	if r.RTT > 0 {
		m.rtt.WithLabelValues(receiver).Observe(r.RTT.Seconds())
	}
}
