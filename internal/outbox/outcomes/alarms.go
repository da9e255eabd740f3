package outcomes

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/journal"
)

var (
	active  = prometheus.NewDesc("trapline_alarms_active", "Alarms that are open, without those of baselines, which are not sent.", nil, nil)
	byState = prometheus.NewDesc("trapline_alarms", "Alarms that are open, by severity and state: raised, muted or acknowledged by a person.", []string{"severity", "state"}, nil)
	mutes   = prometheus.NewDesc("trapline_alarm_mutes", "Alarms that are muted, by the kind of the reason. An alarm may have several.", []string{"reason"}, nil)
)

// Alarms counts alarms that are open.
type Alarms struct {
	count  int
	states map[[2]string]int // by severity and state
	mutes  map[string]int
}

// Describe describes the metrics of Alarms.
func Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{active, byState, mutes} {
		to <- d
	}
}

// Add counts an alarm.
func (c *Alarms) Add(s *alarm.State) {
	if c.states == nil {
		c.states, c.mutes = map[[2]string]int{}, map[string]int{}
	}
	c.count++
	state := "raised"
	if s.Ack != nil {
		state = "acknowledged"
	}
	known := map[string]bool{}
	for _, reason := range s.Mutes {
		kind, _, _ := strings.Cut(reason, " ")
		if state = "muted"; !known[kind] {
			known[kind] = true
			c.mutes[kind]++
		}
	}
	c.states[[2]string{s.Severity().String(), state}]++
}

// Collect sends the metrics.
func (c *Alarms) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	gauge(active, c.count)
	for of, n := range c.states {
		gauge(byState, n, of[0], of[1])
	}
	for reason, n := range c.mutes {
		gauge(mutes, n, reason)
	}
}

// newTransitions returns the counter of transitions of alarms.
func newTransitions() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trapline_alarm_transitions_total", Help: "What happened to alarms: raised, changed, cleared, muted, unmuted.",
	}, []string{"kind"})
	for _, kind := range transitions {
		c.WithLabelValues(kind)
	}
	return c
}

var transitions = []string{journal.Raised, journal.Changed, journal.Cleared, journal.Muted, journal.Unmuted}

// Happened counts transitions of alarms, by entries of the journal.
func (m *Metrics) Happened(entries []journal.Event) {
	for i := range entries {
		for _, kind := range transitions {
			if entries[i].Kind == kind {
				m.transitions.WithLabelValues(kind).Inc()
			}
		}
	}
}
