package outcomes

import (
	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/outbox/queue"
)

var (
	queueDepth = prometheus.NewDesc("trapline_notifications_queued", "Notifications that wait for the receiver.", []string{"receiver"}, nil)
	queueAge   = prometheus.NewDesc("trapline_notifications_oldest_seconds", "Age of the oldest notification that waits for the receiver.", []string{"receiver"}, nil)
	breaker    = prometheus.NewDesc("trapline_receiver_failing", "1 while the receiver does not acknowledge, and is tried with one notification at a time.", []string{"receiver"}, nil)
)

// DescribeQueues describes the metrics of CollectQueues.
func DescribeQueues(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueDepth, queueAge, breaker} {
		to <- d
	}
}

// CollectQueues sends the metrics of queues. now is the run time in seconds.
func CollectQueues(queues []*queue.Queue, now float64, to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, q *queue.Queue) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, q.Name)
	}
	for _, q := range queues {
		oldest, failing := now, 0.0
		for first := range q.Firsts() {
			oldest = min(oldest, first.Run)
		}
		if q.Failing() {
			failing = 1
		}
		gauge(queueDepth, float64(q.Len()), q)
		gauge(queueAge, now-oldest, q)
		gauge(breaker, failing, q)
	}
}
