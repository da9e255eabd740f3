package rules

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of the evaluator.
type metrics struct {
	evaluations, failures, transitions, uncommitted, skipped, rejected, refused, storeFailures prometheus.Counter
	latency                                                                                    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "trapline_rules_" + name + "_total", Help: help})
		r.MustRegister(c)
		return c
	}
	m := &metrics{
		evaluations:   counter("evaluations", "Evaluations of a rule, for one target or for all at once."),
		failures:      counter("evaluation_failures", "Evaluations of a rule that failed."),
		transitions:   counter("transitions", "Alarms that were raised, changed or cleared by rules."),
		uncommitted:   counter("commit_failures", "Times that alarms could not be stored."),
		skipped:       counter("skipped_passes", "Polls that were not evaluated because several were waiting."),
		rejected:      counter("rejected_passes", "Polls whose samples could not be stored."),
		refused:       counter("refused_samples", "Samples that were not stored because too many series of their target are new."),
		storeFailures: counter("store_failures", "Times that old samples could not be deleted or moved into files."),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trapline_rules_latency_seconds", Help: "Time from the end of a poll until its alarms are stored.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
	}
	r.MustRegister(m.latency)
	return m
}

// storeFaults is a collector of the faults of the store, which the function returns.
type storeFaults func() (outOfOrder, corruption, write uint64)

var faultsDesc = prometheus.NewDesc("trapline_rules_store_faults_total", "Samples that the store of rules refused, and faults of its files, by reason.", []string{"reason"}, nil)

// Describe is of prometheus.Collector.
func (storeFaults) Describe(to chan<- *prometheus.Desc) { to <- faultsDesc }

// Collect is of prometheus.Collector.
func (f storeFaults) Collect(to chan<- prometheus.Metric) {
	outOfOrder, corruption, write := f()
	counts := map[string]uint64{"out_of_order": outOfOrder, "wal_corruption": corruption, "wal_write": write}
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		to <- prometheus.MustNewConstMetric(faultsDesc, prometheus.CounterValue, float64(counts[reason]), reason)
	}
}
