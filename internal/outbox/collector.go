package outbox

import (
	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/outcomes"
)

var (
	queueDepth = prometheus.NewDesc("trapline_notifications_queued", "Notifications that wait for the receiver.", []string{"receiver"}, nil)
	queueAge   = prometheus.NewDesc("trapline_notifications_oldest_seconds", "Age of the oldest notification that waits for the receiver.", []string{"receiver"}, nil)
	breaker    = prometheus.NewDesc("trapline_receiver_failing", "1 while the receiver does not acknowledge, and is tried with one notification at a time.", []string{"receiver"}, nil)
)

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueDepth, queueAge, breaker} {
		to <- d
	}
	outcomes.Describe(to)
}

// Collect implements prometheus.Collector.
func (o *Outbox) Collect(to chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	var counted outcomes.Alarms
	for _, s := range o.state.active {
		counted.Add(s)
	}
	counted.Collect(to)
	now := clock.Seconds(o.state.clock.Run())
	for _, q := range o.state.queues {
		oldest, failing := now, 0.0
		for first := range q.Firsts() {
			oldest = min(oldest, first.Run)
		}
		if q.Failing() {
			failing = 1
		}
		gauge(queueDepth, float64(q.Len()), q.Name)
		gauge(queueAge, now-oldest, q.Name)
		gauge(breaker, failing, q.Name)
	}
}
