// Package lawtest makes evaluations of alerting rules and writes down their outcomes, so that rules can be compared with
// those of Prometheus, which a program of another module records (internal/rules/oracle).
package lawtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// Name is that of each rule.
const Name = "Law"

// Rule is an alerting rule.
type Rule struct {
	For, KeepFiringFor  time.Duration
	Labels, Annotations map[string]string
}

// Evaluation is one of a rule.
type Evaluation struct {
	At     time.Time
	Offset time.Duration // the query_offset
	Found  promql.Vector // by the expression
}

// Outcome is the result of an evaluation.
type Outcome struct {
	Err      error
	Series   promql.Vector
	Alerts   []Alert         // that are pending or firing
	Resolved []labels.Labels // of alerts that were firing until this evaluation
}

// Alert is an alert after an evaluation. Times are zero where there is none.
type Alert struct {
	Labels, Annotations                labels.Labels
	Value                              float64
	Firing                             bool
	ActiveAt, FiredAt, KeepFiringSince time.Time
}

// begin precedes the first evaluation.
var begin = time.Unix(1_700_000_000, 0).UTC()

// trial is a rule that is evaluated again and again.
type trial struct {
	random   *rand.Rand
	at       time.Time
	odds     float64 // of a row to be found
	evaluate func(Evaluation) Outcome
}

func randomRule(random *rand.Rand) Rule {
	durations := []time.Duration{0, 0, time.Second, time.Minute, 90 * time.Second, 10 * time.Minute, 2 * time.Hour}
	duration := func() time.Duration {
		return time.Duration(random.Int64N(int64(durations[random.IntN(len(durations))] + 1)))
	}
	r := Rule{For: duration(), KeepFiringFor: duration(), Labels: map[string]string{}, Annotations: map[string]string{}}
	switch random.IntN(60) { // Prometheus takes all texts for templates, which are slow
	case 0:
		r.Labels["team"], r.Annotations["fixed"], r.Annotations["empty"] = "core", "text", ""
		r.Labels["value"] = "{{ if gt $value 90.0 }}high{{ else }}low{{ end }}"
		r.Labels["i"] = "{{ if gt $value 95.0 }}1{{ else }}{{ $labels.i }}{{ end }}"
		r.Annotations["summary"], r.Annotations["bad"] = "{{ $labels.i }} is {{ $value }} at {{ $labels.team }}", "{{ .No }}"
	case 1:
		r.Labels["i"] = "" // all rows are of one alert
	}
	return r
}

// next makes an evaluation that is a while later than the one before.
func (t *trial) next() Evaluation {
	waits := []time.Duration{1, time.Second, 30 * time.Second, time.Minute, time.Hour}
	t.at = t.at.Add(1 + time.Duration(t.random.Int64N(int64(waits[t.random.IntN(len(waits))]))))
	e := Evaluation{At: t.at, Offset: time.Duration(t.random.IntN(2)) * time.Minute}
	for i := range 6 {
		if t.random.Float64() < t.odds {
			l := labels.FromStrings(model.MetricNameLabel, "m", "i", fmt.Sprint(i), "team", string(rune('a'+i%2)))
			e.Found = append(e.Found, promql.Sample{Metric: l, T: t.at.UnixMilli(), F: float64(t.random.IntN(100))})
		}
	}
	if t.random.IntN(10) == 0 {
		t.odds = []float64{0, 1, t.random.Float64()}[t.random.IntN(3)]
	}
	return e
}
