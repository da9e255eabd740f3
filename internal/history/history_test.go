package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// A point is off by at most 6.5 % of the value plus one, and order is kept.
func TestPointsAreNearTheirValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	last := byte(0)
	for v := 0.0; v < 4e12; v = v*1.01 + 0.01*r.Float64() {
		c := encode(v)
		if got := decode(c, false); math.Abs(got-v) > 0.0601*(1+v) {
			t.Fatalf("%g: %g", v, got)
		}
		if c < last {
			t.Fatalf("%g has a lower code than what is less", v)
		}
		last = c
		if want := math.Round(6 * math.Log2(1+v)); math.Abs(float64(c)-want) > 0 && math.Abs(6*math.Log2(1+v)-math.Floor(6*math.Log2(1+v))-0.5) > 1e-9 {
			t.Fatalf("%g: code %d, want %g", v, c, want)
		}
		if v < 2e6 {
			for _, s := range []float64{v, -v} {
				if got := decode(encodeSigned(s), true); math.Abs(got-s) > 0.0601*(1+v) {
					t.Fatalf("%g: %g", s, got)
				}
			}
		}
	}
	for _, v := range []float64{math.NaN(), -1, math.Inf(-1)} {
		if got := decode(encode(v), false); !math.IsNaN(got) {
			t.Errorf("%g is %g", v, got)
		}
	}
	if encode(math.Inf(1)) != maxCode || encode(math.MaxFloat64) != maxCode || encodeSigned(math.Inf(-1)) != 0 || encodeSigned(math.Inf(1)) != 254 {
		t.Error("what is too large is the most there is")
	}
}

// A rate in 16 bits is off by at most 0.2 %, 0 is 0, and one that is absent stays so.
func TestShortRatesAreNearTheirValues(t *testing.T) {
	for v := float32(1e-30); v < 1e30; v *= 1.013 {
		if got := lengthen(shorten(v)); math.Abs(float64(got-v)) > 0.002*float64(v) {
			t.Fatalf("%g: %g", v, got)
		}
	}
	if lengthen(shorten(0)) != 0 || !math.IsNaN(float64(lengthen(shorten(nan)))) || lengthen(shorten(float32(math.Inf(1)))) != float32(math.Inf(1)) {
		t.Error("0, NaN and infinity are not as they were")
	}
}

// device has counters of some interfaces, as one poll after the other reads them.
type device struct {
	indexes bool
	rows    []uint32 // ifIndex
	in, out map[uint32]float64
	load    float64
	hc      bool
	extra   bool // a column stands in front of the others
}

var (
	inDesc    = &series.Desc{Name: "ifInOctets", Type: series.Counter, Object: oid("1.3.6.1.2.1.2.2.1.10")}
	hcInDesc  = &series.Desc{Name: "ifHCInOctets", Type: series.Counter, Object: oid("1.3.6.1.2.1.31.1.1.1.6")}
	hcOutDesc = &series.Desc{Name: "ifHCOutOctets", Type: series.Counter, Object: oid("1.3.6.1.2.1.31.1.1.1.10")}
	loadDesc  = &series.Desc{Name: "hrProcessorLoad", Object: oid("1.3.6.1.2.1.25.3.3.1.2")}
)

func (d *device) poll() []*series.Set {
	table := &series.Table{}
	in, out, low := series.Column{Desc: hcInDesc, Table: table}, series.Column{Desc: hcOutDesc, Table: table}, series.Column{Desc: inDesc, Table: table}
	for _, n := range d.rows {
		table.Labels = append(table.Labels, fmt.Sprintf(`ifIndex="%d"`, n)...)
		table.AddRow()
		if d.indexes {
			table.Indexes = snmp.AppendArc(table.Indexes, n)
			table.IndexEnds = append(table.IndexEnds, uint32(len(table.Indexes)))
		}
		in.Values, out.Values = append(in.Values, d.in[n]), append(out.Values, d.out[n])
		low.Values = append(low.Values, math.Mod(d.in[n], 1<<32))
	}
	load := series.Column{Desc: loadDesc, Table: &series.Table{Ends: []uint32{0}}, Values: []float64{d.load}}
	set := &series.Set{Columns: []series.Column{load, low}}
	if d.extra {
		set.Columns = append([]series.Column{{Desc: &series.Desc{Name: "extra", Object: oid("1.3.9")}, Table: table, Values: in.Values}}, set.Columns...)
	}
	if d.hc {
		set.Columns = append(set.Columns, in, out)
	}
	return []*series.Set{set}
}

// rates are those of a track by ifIndex.
func rates(t *testing.T, views []View, kind, track string) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	for _, v := range views {
		for _, x := range v.Tracks {
			if v.Kind == kind && x.Name == track {
				for i, r := range x.Rates {
					found[string(v.Table.Row(i))] = float64(r)
				}
			}
		}
	}
	return found
}

func points(views []View, kind, track, row string) []float64 {
	for _, v := range views {
		for _, x := range v.Tracks {
			for i := range v.Table.Ends {
				if v.Kind == kind && x.Name == track && x.Points != nil && string(v.Table.Row(i)) == row {
					return x.Points(i)
				}
			}
		}
	}
	return nil
}

func near(got, want float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 0.065*(1+math.Abs(want))
}

// Whatever rows are added, removed or reordered, and whichever counters are reset or polls lost: each rate is that of
// its own row, and each history has the rates of its row, with gaps where there was none.
func TestHistoriesAreThoseOfTheirRows(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 11))
		k := NewStore()
		x := k.Target()
		d := &device{indexes: r.IntN(2) == 0, hc: r.IntN(4) > 0, in: map[uint32]float64{}, out: map[uint32]float64{}}
		for n := range 1 + r.IntN(20) {
			d.rows = append(d.rows, uint32(n+1))
		}
		want := map[string][]float64{} // of each row
		var before []*series.Set
		rowsBefore := map[uint32]bool{}
		for range 90 {
			steps := 1
			if r.IntN(10) == 0 {
				x.Silent(1)
				for row := range want {
					want[row] = append(want[row], math.NaN())
				}
				continue
			}
			if r.IntN(8) == 0 {
				r.Shuffle(len(d.rows), func(i, j int) { d.rows[i], d.rows[j] = d.rows[j], d.rows[i] })
			}
			if r.IntN(8) == 0 && len(d.rows) > 1 {
				d.rows = d.rows[1:]
			}
			if r.IntN(8) == 0 {
				if n := uint32(100 + r.IntN(1000)); !slices.Contains(d.rows, n) {
					d.rows = append(d.rows, n)
				}
			}
			d.extra = r.IntN(4) == 0
			comparable := r.IntN(6) > 0
			now := map[uint32]float64{}
			for _, n := range d.rows {
				grown := math.Trunc(r.Float64() * 1e6)
				if r.IntN(10) == 0 && d.in[n] > 0 {
					d.in[n], now[n] = 0, math.NaN() // began anew
				} else {
					d.in[n], now[n] = d.in[n]+grown, grown*8/30
				}
				if !comparable || !rowsBefore[n] {
					now[n] = math.NaN()
				}
			}
			d.load = float64(r.IntN(101))
			after := d.poll()
			x.Answered(&Poll{Before: before, After: after, Elapsed: 30 * time.Second, Comparable: comparable, Steps: steps})
			got := rates(t, x.Views(false), Interfaces, "in")
			if len(got) != len(d.rows) {
				t.Fatalf("seed %d: %d rates, %d rows", seed, len(got), len(d.rows))
			}
			next := map[string][]float64{}
			clear(rowsBefore)
			for _, n := range d.rows {
				row := fmt.Sprintf(`ifIndex="%d"`, n)
				if !near(got[row], now[n]) {
					t.Fatalf("seed %d: rate of %s is %g, want %g", seed, row, got[row], now[n])
				}
				next[row] = append(want[row], now[n])
				rowsBefore[n] = true
			}
			want, before = next, after
		}
		views := x.Views(true)
		for row, list := range want {
			have := points(views, Interfaces, "in", row)
			if len(have) != DefaultPoints {
				t.Fatalf("seed %d: %d points", seed, len(have))
			}
			for age := range min(len(list), DefaultPoints) {
				if got, want := have[DefaultPoints-1-age], list[len(list)-1-age]; !near(got, want) {
					t.Fatalf("seed %d: %s, %d polls ago: %g, want %g", seed, row, age, got, want)
				}
			}
		}
		if load := points(views, "hrProcessorLoad", "hrProcessorLoad", ""); !near(load[DefaultPoints-1], d.load) && !math.IsNaN(load[DefaultPoints-1]) {
			t.Errorf("seed %d: load %g, want %g", seed, load[DefaultPoints-1], d.load)
		}
		if x.Close(); k.Bytes() != 0 {
			t.Fatalf("seed %d: %d octets are left", seed, k.Bytes())
		}
		x.Answered(&Poll{After: d.poll(), Steps: 1})
		if k.Bytes() != 0 {
			t.Fatal("a closed history takes memory")
		}
	}
}

// Where all histories would take more than the setting allows, all become shorter, down to none; the newest points
// stay, and they grow again when there is room.
func TestHistoriesShareTheMemory(t *testing.T) {
	k := NewStore()
	k.Configure(&Settings{Memory: bytesOf(20_000)})
	d := &device{hc: true, in: map[uint32]float64{}, out: map[uint32]float64{}}
	for n := range 50 {
		d.rows = append(d.rows, uint32(n+1))
	}
	targets := []*Target{k.Target(), k.Target(), k.Target(), k.Target(), k.Target()}
	var last []*series.Set
	poll := func(some []*Target) {
		for _, n := range d.rows {
			d.in[n] += 3000
		}
		now := d.poll()
		for _, x := range some {
			x.Answered(&Poll{Before: last, After: now, Elapsed: 30 * time.Second, Comparable: true, Steps: 1})
		}
		last = now
	}
	poll(targets[:1])
	poll(targets[:1])
	if k.Length() != DefaultPoints {
		t.Fatalf("%d points of one target", k.Length())
	}
	for range 3 {
		poll(targets)
		if k.Bytes() > 20_000 {
			t.Errorf("%d octets", k.Bytes())
		}
	}
	short := points(targets[0].Views(true), Interfaces, "in", `ifIndex="7"`)
	if len(short) != k.Length() || len(short) >= DefaultPoints || !near(short[len(short)-1], 800) {
		t.Errorf("%d points of five targets: %v", k.Length(), short)
	}
	for _, x := range targets[1:] {
		x.Close()
	}
	poll(targets[:1])
	if long := points(targets[0].Views(true), Interfaces, "in", `ifIndex="7"`); len(long) != DefaultPoints || !near(long[DefaultPoints-2], 800) {
		t.Errorf("%v", long)
	}
	none := 0
	k.Configure(&Settings{Points: &none})
	poll(targets[:1])
	poll(targets[:1])
	views := targets[0].Views(true)
	if got := rates(t, views, Interfaces, "in")[`ifIndex="7"`]; !near(got, 800) || points(views, Interfaces, "in", `ifIndex="7"`) != nil && len(points(views, Interfaces, "in", `ifIndex="7"`)) > 0 {
		t.Errorf("points: 0 leaves rates alone: %g", got)
	}
}

func TestColumnsCanBeChosen(t *testing.T) {
	k := NewStore()
	k.Configure(&Settings{Columns: []string{"stored", "1.3.6.1.4.1.9.1"}})
	x := k.Target()
	table := &series.Table{Ends: []uint32{0}}
	sets := func(v float64) []*series.Set {
		return []*series.Set{{Columns: []series.Column{
			{Desc: &series.Desc{Name: "stored", Object: oid("1.3.9.1")}, Table: table, Values: []float64{-v}},
			{Desc: &series.Desc{Name: "calls", Type: series.Counter, Object: oid("1.3.6.1.4.1.9.1")}, Table: table, Values: []float64{v}},
		}}}
	}
	first, second := sets(100), sets(700)
	x.Answered(&Poll{After: first, Steps: 1})
	x.Answered(&Poll{Before: first, After: second, Elapsed: time.Minute, Comparable: true, Steps: 1})
	k.Configure(&Settings{Columns: []string{"stored", "1.3.6.1.4.1.9.1"}}) // a reload that changes nothing
	x.Answered(&Poll{Before: first, After: second, Elapsed: time.Minute, Comparable: true})
	views := x.Views(true)
	if got := points(views, "stored", "stored", ""); !near(got[59], -700) || !near(got[58], -100) || !math.IsNaN(got[57]) {
		t.Errorf("%v", got)
	}
	if got := points(views, "1.3.6.1.4.1.9.1", "1.3.6.1.4.1.9.1", ""); !near(got[59], 10) || !math.IsNaN(got[58]) {
		t.Errorf("%v", got)
	}
}

// A counter of 64 bits takes precedence over one of 32 bits, also when it was reset; a row with other labels is another
// series without previous values; and rates of errors need no octets.
func TestRatesAreAbsentWhereTheyWouldBeWrong(t *testing.T) {
	errorsDesc := &series.Desc{Name: "ifInErrors", Type: series.Counter, Object: oid("1.3.6.1.2.1.2.2.1.14")}
	table := func(alias string) *series.Table {
		x := &series.Table{}
		for _, n := range []uint32{1, 2} {
			x.Labels = append(x.Labels, fmt.Sprintf(`ifAlias="%s",ifIndex="%d"`, alias, n)...)
			x.AddRow()
			x.Indexes = snmp.AppendArc(x.Indexes, n)
			x.IndexEnds = append(x.IndexEnds, uint32(len(x.Indexes)))
			alias = "b"
		}
		return x
	}
	poll := func(alias string, columns ...series.Column) []*series.Set {
		rows := table(alias)
		for i := range columns {
			columns[i].Table = rows
		}
		return []*series.Set{{Columns: columns}}
	}
	low := func(v ...float64) series.Column { return series.Column{Desc: inDesc, Values: v} }
	high := func(v ...float64) series.Column { return series.Column{Desc: hcInDesc, Values: v} }
	first := func(v float64) series.Column {
		return series.Column{Desc: hcInDesc, Values: []float64{v}, Rows: []int32{0}}
	}
	failed := func(v ...float64) series.Column { return series.Column{Desc: errorsDesc, Values: v} }
	nan := math.NaN()
	for name, test := range map[string]struct {
		before, after []*series.Set
		track         string
		want          [2]float64
	}{
		"of 64 bits began anew":    {poll("a", low(7, 10), first(5e9)), poll("a", low(1000, 20), first(1000)), "in", [2]float64{nan, 8}},
		"of 32 bits came round":    {poll("a", low(7, 4294967295), first(5e9)), poll("a", low(1000, 20), first(5e9+10)), "in", [2]float64{8, nan}},
		"of 64 bits came round":    {poll("a", high(1<<53-1, 5)), poll("a", high(3, 15)), "in", [2]float64{nan, 8}},
		"a row has other labels":   {poll("a", high(10, 10)), poll("c", high(500, 20)), "in", [2]float64{nan, 8}},
		"errors alone":             {poll("a", failed(10, 10)), poll("a", failed(20, 20)), "in_errors", [2]float64{1, 1}},
		"octets are not there now": {poll("a", failed(10, 10), high(1, 1)), poll("a", failed(20, 20)), "in_errors", [2]float64{1, 1}},
	} {
		x := NewStore().Target()
		x.Answered(&Poll{After: test.before, Steps: 1})
		x.Answered(&Poll{Before: test.before, After: test.after, Elapsed: 10 * time.Second, Comparable: true, Steps: 1})
		for _, v := range x.Views(true) {
			for _, track := range v.Tracks {
				for i, want := range test.want {
					if track.Name == test.track && !near(float64(track.Rates[i]), want) {
						t.Errorf("%s: rate %g of row %d, want %g", name, track.Rates[i], i+1, want)
					}
					if track.Name == test.track && track.Points != nil && !near(track.Points(i)[DefaultPoints-1], want) {
						t.Errorf("%s: point %g of row %d, want %g", name, track.Points(i)[DefaultPoints-1], i+1, want)
					}
				}
			}
		}
	}
}
