package rules

import "github.com/prometheus/client_golang/prometheus"

// metrics count what rules do.
type metrics struct {
	evaluations, failures, transitions, uncommitted, skipped, rejected, storeFailures prometheus.Counter
	latency                                                                           prometheus.Histogram
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
		uncommitted:   counter("commit_failures", "Times that what rules found could not be stored."),
		skipped:       counter("skipped_passes", "Passes that were not evaluated because several waited already."),
		rejected:      counter("rejected_passes", "Passes of which samples could not be stored."),
		storeFailures: counter("store_failures", "Times that the samples in memory could not be made smaller."),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trapline_rules_latency_seconds", Help: "Time from the end of a pass until what its rules found is stored.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
	}
	r.MustRegister(m.latency)
	return m
}
