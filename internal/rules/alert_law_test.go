package rules

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// steps is how many evaluations the law of alerts compares.
const steps = 100_000

// Whatever rules find and whenever they are evaluated, their alerts are those of Prometheus: their states, values, labels,
// annotations, times and series, and the evaluation in which they end.
func TestLawOfAlerts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ends, conflicts := 0, 0
	for n := 0; n < steps; {
		d := newDuel(t, random)
		for range 1 + random.IntN(200) {
			d.step()
			n++
		}
		ends, conflicts = ends+d.ends, conflicts+d.conflicts
	}
	if ends < steps/100 || conflicts < steps/1000 {
		t.Errorf("%d alerts ended, and %d evaluations were refused: the law shows little", ends, conflicts)
	}
}

// duel is a rule of ours and the same of Prometheus.
type duel struct {
	*testing.T
	random *rand.Rand
	round  *round
	bound  *bound
	theirs *oracleRule
	odds   float64 // of a row to be found
	ends   int

	conflicts int
}

func newDuel(t *testing.T, random *rand.Rand) *duel {
	durations := []time.Duration{0, 0, time.Second, time.Minute, 90 * time.Second, 10 * time.Minute, 2 * time.Hour}
	for i := range durations {
		durations[i] = time.Duration(random.Int64N(int64(durations[i] + 1)))
	}
	hold, keep := durations[random.IntN(len(durations))], durations[random.IntN(len(durations))]
	ruleLabels, annotations := map[string]string{}, map[string]string{}
	switch random.IntN(60) { // Prometheus takes all texts for templates, which are slow
	case 0:
		ruleLabels["team"], annotations["fixed"], annotations["empty"] = "core", "text", ""
		ruleLabels["value"] = "{{ if gt $value 90.0 }}high{{ else }}low{{ end }}"
		ruleLabels["i"] = "{{ if gt $value 95.0 }}1{{ else }}{{ $labels.i }}{{ end }}"
		annotations["summary"], annotations["bad"] = "{{ $labels.i }} is {{ $value }} at {{ $labels.team }}", "{{ .No }}"
	case 1:
		ruleLabels["i"] = "" // all rows are of one alert
	}
	r := &Rule{
		UID: "g/Law", Group: &Group{}, Alert: "Law", Expr: &parser.NumberLiteral{}, For: hold, KeepFiringFor: keep,
		Labels: ruleLabels, Annotations: annotations, labels: textsOf(ruleLabels), annotations: textsOf(annotations),
	}
	d := &duel{T: t, random: random, odds: random.Float64(), bound: newBound(r, nil)}
	d.round = &round{device: newDevice(), at: time.Unix(1_700_000_000, 0).UTC()}
	d.round.device.selectors = &Selectors{mentions: map[string]bool{alertsName: true}}
	d.theirs = &oracleRule{r.Alert, hold, keep, labels.FromMap(ruleLabels), labels.FromMap(annotations), map[uint64]*oracleAlert{}}
	return d
}

// step evaluates both, a while later.
func (d *duel) step() {
	waits := []time.Duration{1, time.Second, 30 * time.Second, time.Minute, time.Hour}
	d.round.at = d.round.at.Add(1 + time.Duration(d.random.Int64N(int64(waits[d.random.IntN(len(waits))]))))
	offset := time.Duration(d.random.IntN(2)) * time.Minute
	found := d.vector()
	fired := d.firing()
	theirs, wanted := d.theirs.Eval(offset, d.round.at, slices.Clone(found))
	ours, err := d.round.alert(context.Background(), d.bound, slices.Clone(found), d.round.at.Add(-offset))
	if (err == nil) != (wanted == nil) || err != nil && err.Error() != wanted.Error() {
		d.Fatalf("%v: error %v, want %v", d.bound.rule, err, wanted)
	}
	if err != nil {
		d.conflicts++
	}
	d.sameSeries(ours, theirs)
	d.sameAlerts(fired)
	d.turn()
}

// vector is what an expression may find.
func (d *duel) vector() (found promql.Vector) {
	for i := range 6 {
		if d.random.Float64() < d.odds {
			l := labels.FromStrings(model.MetricNameLabel, "m", "i", fmt.Sprint(i), "team", string(rune('a'+i%2)))
			found = append(found, promql.Sample{Metric: l, T: d.round.at.UnixMilli(), F: float64(d.random.IntN(100))})
		}
	}
	return found
}

// turn changes how many rows are found from then on, now and then.
func (d *duel) turn() {
	if d.random.IntN(10) == 0 {
		d.odds = []float64{0, 1, d.random.Float64()}[d.random.IntN(3)]
	}
}

// sameSeries compares the samples of the alerts.
func (d *duel) sameSeries(ours, theirs promql.Vector) {
	byLabels := map[uint64]promql.Sample{}
	for _, s := range ours {
		byLabels[s.Metric.Hash()] = s
	}
	for _, want := range theirs {
		if got := byLabels[want.Metric.Hash()]; !labels.Equal(got.Metric, want.Metric) || got.T != want.T || got.F != want.F {
			d.Fatalf("%+v at %v: %v, want %v", d.bound.rule, d.round.at, got, want)
		}
	}
	if len(ours) != len(theirs) {
		d.Fatalf("%+v at %v: %v, want %v", d.bound.rule, d.round.at, ours, theirs)
	}
}

// sameAlerts compares the alerts, and which of those that fired ended by this evaluation: Prometheus keeps them for a while.
func (d *duel) sameAlerts(fired map[uint64]bool) {
	active := 0
	for key, want := range d.theirs.active {
		got := d.bound.alerts[key]
		if want.State == stateInactive {
			if ended := fired[key] && got == nil; ended != want.ResolvedAt.Equal(d.round.at) {
				d.Fatalf("%+v at %v: %v ended: %t, want it at %v", d.bound.rule, d.round.at, want.Labels, ended, want.ResolvedAt)
			} else if ended {
				d.ends++
			}
			continue
		}
		if active++; got == nil || !equal(got, want) {
			d.Fatalf("%+v at %v: %+v, want %+v", d.bound.rule, d.round.at, got, want)
		}
	}
	if active != len(d.bound.alerts) {
		d.Fatalf("%+v at %v: %d alerts, want %d", d.bound.rule, d.round.at, len(d.bound.alerts), active)
	}
}

func equal(a *Alert, b *oracleAlert) bool {
	return labels.Equal(a.Labels, b.Labels) && labels.Equal(a.Annotations, b.Annotations) && a.Value == b.Value && a.Firing == (b.State == stateFiring) &&
		a.ActiveAt.Equal(b.ActiveAt) && a.FiredAt.Equal(b.FiredAt) && a.KeepFiringSince.Equal(b.KeepFiringSince)
}

// firing are the keys of our alerts that fire.
func (d *duel) firing() map[uint64]bool {
	list := map[uint64]bool{}
	for key, a := range d.bound.alerts {
		list[key] = a.Firing
	}
	return list
}
