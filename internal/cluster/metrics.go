package cluster

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are counters and histograms; gauges are read as they are collected.
type metrics struct {
	commits       *prometheus.CounterVec
	commitSeconds prometheus.Histogram
	takes         *prometheus.CounterVec
	moves         prometheus.Counter
	late          prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		commits:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trapline_cluster_commits_total", Help: "Commits to the engine: applied, lost because of another owner, in doubt for want of an answer (and repeated), or refused with an error."}, []string{"result"}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trapline_cluster_commit_seconds", Help: "Durations of commits to the engine.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		takes:         prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trapline_cluster_takes_total", Help: "Shards that this member took: first, moved from a living member, of a dead one, or its own again."}, []string{"cause"}),
		moves:         prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_cluster_moves_total", Help: "Shards that this member, as the coordinator, planned for another owner."}),
		late:          prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_cluster_late_sends_total", Help: "Notifications after whose transmission the deadline of the session was over."}),
	}
	for _, result := range []string{"applied", "lost", "doubt", "error"} {
		m.commits.WithLabelValues(result)
	}
	for _, cause := range []string{"first", "moved", "dead", "again"} {
		m.takes.WithLabelValues(cause)
	}
	return m
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.commits, m.commitSeconds, m.takes, m.moves, m.late}
}

var (
	membersDesc     = prometheus.NewDesc("trapline_cluster_members", "Members of the cluster: living, draining, or absent although the plan has them.", []string{"state"}, nil)
	ownedDesc       = prometheus.NewDesc("trapline_cluster_shards_owned", "Shards that this member owns.", nil, nil)
	unownedDesc     = prometheus.NewDesc("trapline_cluster_shards_unowned", "Shards of the configuration that no member owns.", nil, nil)
	remainingDesc   = prometheus.NewDesc("trapline_cluster_session_remaining_seconds", "How long this member may send without an answer of the engine; negative: since when it may not.", nil, nil)
	upDesc          = prometheus.NewDesc("trapline_cluster_engine_up", "Whether the engine of this member is ready; 1 for members without one.", nil, nil)
	fullDesc        = prometheus.NewDesc("trapline_cluster_engine_full", "Whether the engine refuses writes because its database has 4 GB.", nil, nil)
	coordinatorDesc = prometheus.NewDesc("trapline_cluster_coordinator", "Whether this member is the coordinator.", nil, nil)
	skewDesc        = prometheus.NewDesc("trapline_cluster_clock_skew_seconds", "The largest difference between this member's wall clock and that of another.", nil, nil)
	expiryDesc      = prometheus.NewDesc("trapline_cluster_certificate_expiry_timestamp_seconds", "When the certificate of this member ends; absent without TLS.", nil, nil)
	mismatchDesc    = prometheus.NewDesc("trapline_cluster_config_mismatch", "Members whose configuration differs from that of this member.", nil, nil)
)

// Describe is of prometheus.Collector.
func (c *Cluster) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{membersDesc, ownedDesc, unownedDesc, remainingDesc, upDesc, fullDesc, coordinatorDesc, skewDesc, mismatchDesc, expiryDesc} {
		ch <- d
	}
	for _, m := range c.metrics.collectors() {
		m.Describe(ch)
	}
}

// Collect is of prometheus.Collector.
func (c *Cluster) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := c.status()
	states := map[string]int{"living": 0, "draining": 0, "absent": len(s.Absent)}
	mismatch, skew := 0, 0.0
	for _, m := range s.Members {
		if m.Draining {
			states["draining"]++
		} else {
			states["living"]++
		}
		if m.Config != c.self().Config {
			mismatch++
		}
		skew = max(skew, max(m.Skew, -m.Skew))
	}
	for state, n := range states {
		gauge(membersDesc, float64(n), state)
	}
	gauge(ownedDesc, float64(c.ownedShards()))
	gauge(unownedDesc, float64(len(s.Unowned)))
	gauge(remainingDesc, c.Remaining().Seconds())
	gauge(upDesc, number(c.engine.Up()))
	gauge(fullDesc, number(c.space.Full()))
	gauge(coordinatorDesc, number(s.Coordinator == c.settings.Member))
	gauge(skewDesc, skew)
	gauge(mismatchDesc, float64(mismatch))
	if ends := c.Certificate().Ends; !ends.IsZero() {
		gauge(expiryDesc, float64(ends.Unix()))
	}
	for _, m := range c.metrics.collectors() {
		m.Collect(ch)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c *Cluster) ownedShards() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.shards {
		if s.state == owned {
			n++
		}
	}
	return n
}
