package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/series"
)

// measuredDevice has sensors, each of which is of one metric at a time.
type measuredDevice struct {
	metrics []string
	sensors map[int]int // place in metrics by number
	values  map[int]float64
}

func (d *measuredDevice) change(r *rand.Rand) {
	for n := range 12 {
		if r.IntN(6) == 0 {
			delete(d.sensors, n)
		}
		if r.IntN(5) == 0 {
			d.sensors[n] = r.IntN(len(d.metrics))
		}
		d.values[n] = r.Float64()
	}
}

// poll has one table, in which rows without a value of a metric are left out.
func (d *measuredDevice) poll() []*series.Set {
	table, set := &series.Table{}, &series.Set{}
	for _, name := range d.metrics {
		set.Columns = append(set.Columns, series.Column{Desc: &series.Desc{Name: name, Computed: true, Derived: true}, Table: table})
	}
	for n := range 12 {
		if metric, ok := d.sensors[n]; ok {
			table.Labels = fmt.Appendf(table.Labels, `hw_id="%d"`, n)
			table.AddRow()
			c := &set.Columns[metric]
			c.Values, c.Rows = append(c.Values, d.values[n]), append(c.Rows, int32(len(table.Ends)-1))
		}
	}
	return []*series.Set{set}
}

// Whatever sensors come, go and change what they measure, each series has the points of its own values, and gaps where
// it had none since it is there.
func TestMeasuresHaveTheirPoints(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	store := NewStore()
	points := 10
	store.Configure(&Settings{Points: &points})
	target := store.Target()
	d := &measuredDevice{metrics: []string{"hw_temperature_celsius", "hw_humidity_ratio", "hw_power_watts"}, sensors: map[int]int{}, values: map[int]float64{}}
	model := map[string][]float64{}
	for poll := range 500 {
		if r.IntN(2) == 0 {
			d.change(r)
		}
		sets := d.poll()
		if r.IntN(20) == 0 {
			sets = nil
		}
		target.Answered(&Poll{After: sets, Steps: 1})
		seen := map[string]bool{}
		for n, metric := range d.sensors {
			if sets != nil {
				seen[SeriesKey(d.metrics[metric], fmt.Appendf(nil, `hw_id="%d"`, n))] = true
				key := SeriesKey(d.metrics[metric], fmt.Appendf(nil, `hw_id="%d"`, n))
				model[key] = append(model[key], d.values[n])
			}
		}
		for key := range model {
			if sets != nil && !seen[key] {
				delete(model, key)
			} else if sets == nil {
				model[key] = append(model[key], math.NaN())
			}
		}
		for _, v := range target.Views(true) {
			for row := range v.Table.Ends {
				got, want := v.Tracks[0].Points(row), model[string(v.Table.Row(row))]
				for i := range min(len(want), points) {
					g, w := got[points-1-i], want[len(want)-1-i]
					if math.IsNaN(g) != math.IsNaN(w) || math.Abs(g-w) > 0.5 {
						t.Fatalf("poll %d: %v, want %v", poll, got, want)
					}
				}
			}
		}
	}
	target.Close()
	if store.perPoint.Load() != 0 || store.fixed.Load() != 0 {
		t.Errorf("%d octets a point and %d are left", store.perPoint.Load(), store.fixed.Load())
	}
}

// Shares, temperatures and levels are off by half a step.
func TestCodingsOfMeasures(t *testing.T) {
	for metric, test := range map[string][3]float64{"hw_humidity_ratio": {0, 1.27, 0.0026}, "hw_temperature_celsius": {-54, 200, 0.501}, "radio_signal_dbm": {-115, 12, 0.2501}} {
		c := codingOf(metric)
		for v := test[0]; v <= test[1]; v += (test[1] - test[0]) / 997 {
			if got := c.decode(c.encode(v)); math.Abs(got-v) > test[2] {
				t.Fatalf("%s: %g is %g", metric, v, got)
			}
		}
		for _, v := range []float64{math.Inf(1), math.Inf(-1), 1e300, -1e300} {
			if got := c.decode(c.encode(v)); math.IsNaN(got) {
				t.Errorf("%s: %g is a gap", metric, v)
			}
		}
	}
}

// A device with more sensors than are kept takes no more memory.
func TestMeasuresAreBounded(t *testing.T) {
	store := NewStore()
	target := store.Target()
	var sets []*series.Set
	for range 10 {
		table := &series.Table{}
		c := series.Column{Desc: &series.Desc{Name: "hw_temperature_celsius", Computed: true}, Table: table}
		for i := range maxMeasures / 4 {
			table.Labels = fmt.Appendf(table.Labels, `hw_id="%d.%d"`, len(sets), i)
			table.AddRow()
			c.Values = append(c.Values, 20)
		}
		sets = append(sets, &series.Set{Columns: []series.Column{c}})
	}
	for range 3 {
		target.Answered(&Poll{After: sets, Elapsed: time.Minute, Steps: 1})
	}
	if rows := len(target.Views(true)[0].Table.Ends); rows != maxMeasures {
		t.Errorf("%d rows", rows)
	}
}

// Of a measure that is not kept by itself, points are kept where the user names it; of counters, none are.
func TestMeasuresCanBeChosen(t *testing.T) {
	table := &series.Table{Labels: []byte(`hw_id="1"`)}
	table.AddRow()
	column := func(name string, kind series.Type) series.Column {
		return series.Column{Desc: &series.Desc{Name: name, Computed: true, Type: kind}, Table: table, Values: []float64{12}}
	}
	sets := []*series.Set{{Columns: []series.Column{column("hw_energy_joules_total", series.Counter), column("hw_voltage_volts", series.Gauge)}}}
	for _, columns := range [][]string{nil, {"hw_voltage_volts", "hw_energy_joules_total"}} {
		store := NewStore()
		store.Configure(&Settings{Columns: columns})
		target := store.Target()
		target.Answered(&Poll{After: sets, Steps: 1})
		rows := 0
		for _, v := range target.Views(true) {
			if v.Kind == Measures {
				rows = len(v.Table.Ends)
			}
		}
		if rows != len(columns)/2 {
			t.Errorf("%v: %d rows", columns, rows)
		}
	}
}
