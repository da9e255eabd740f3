package app

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// metrics are the program's own, under snmp_exporter's names where it has them.
type metrics struct {
	requestErrors prometheus.Counter
	modules       *prometheus.HistogramVec
	flying        prometheus.Gauge
	delay         prometheus.Histogram
	overruns      prometheus.Counter
	targets       prometheus.Gauge
	histories     *history.Store // which counts its own memory
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	histories := history.NewStore()
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "trapline_history_bytes", Help: "Octets of memory that the rates and histories of all targets take."},
		func() float64 { return float64(histories.Bytes()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "trapline_history_points", Help: "Points that each history has room for: fewer than history.points where these would take more than history.memory."},
		func() float64 { return float64(histories.Length()) })
	return &metrics{
		histories:     histories,
		requestErrors: f.NewCounter(prometheus.CounterOpts{Name: "snmp_request_errors_total", Help: "Errors in requests to the SNMP exporter"}),
		modules:       f.NewHistogramVec(prometheus.HistogramOpts{Name: "snmp_collection_duration_seconds", Help: "Duration of collections by the SNMP exporter"}, []string{"module"}),
		flying:        f.NewGauge(prometheus.GaugeOpts{Name: "snmp_request_in_flight", Help: "Current number of SNMP scrapes being requested."}),
		delay: f.NewHistogram(prometheus.HistogramOpts{Name: "trapline_pass_delay_seconds", Help: "How late polls begin.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30}}),
		overruns: f.NewCounter(prometheus.CounterOpts{Name: "trapline_pass_overruns_total", Help: "Polls that did not end when their time was over, which is a bug."}),
		targets:  f.NewGauge(prometheus.GaugeOpts{Name: "trapline_targets", Help: "Targets that are polled."}),
	}
}

func (m *metrics) observeModule(module string, d time.Duration) {
	m.modules.WithLabelValues(module).Observe(d.Seconds())
}

func (m *metrics) inFlight(change int) { m.flying.Add(float64(change)) }

func (m *metrics) observeDelay(late time.Duration) { m.delay.Observe(late.Seconds()) }

func (m *metrics) overran(*poller.Target) { m.overruns.Inc() }

// configured makes the series of every module exist from the start.
func (m *metrics) configured(w *runtimeconfig.Config) {
	for name := range w.Config.Modules {
		m.modules.WithLabelValues(name)
	}
}

// badRequest answers 400 and counts it.
func (m *metrics) badRequest(w http.ResponseWriter, text string) {
	m.requestErrors.Inc()
	http.Error(w, text, http.StatusBadRequest)
}
