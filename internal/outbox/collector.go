package outbox

import (
	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/outcomes"
)

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(to chan<- *prometheus.Desc) {
	outcomes.DescribeQueues(to)
	outcomes.Describe(to)
}

// Collect implements prometheus.Collector.
func (o *Outbox) Collect(to chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var counted outcomes.Alarms
	for _, s := range o.state.index.Active {
		counted.Add(s)
	}
	counted.Collect(to)
	outcomes.CollectQueues(o.state.queues.All, clock.Seconds(o.state.clock.Run()), to)
}
