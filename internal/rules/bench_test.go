package rules

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/statedir"
)

// fiftyRules are of the kinds that people have: rates in percent of the speed, joins, conditions, hysteresis
// and windows.
func fiftyRules() string {
	var list []string
	add := func(n int, format string) {
		for i := range n {
			expr := strings.NewReplacer("SELF", fmt.Sprintf("A%d", len(list)), "N", fmt.Sprint(i%7)).Replace(format)
			list = append(list, fmt.Sprintf("{alert: A%d, expr: '%s', for: 1m, labels: {severity: major}, annotations: {summary: \"{{ $labels.i }} is at {{ $value }}\", value: \"{{ $value }}\"}}", len(list), expr))
		}
	}
	add(16, "rate(octetsN_total[5m]) * 8 / (ifHighSpeed * 1e6) > 0.9")
	add(8, "gaugeN > 95 and on (target) sysUpTime > 600")
	add(6, "gaugeN * on (target) group_left () sysFactor > 95")
	add(8, `gaugeN > 95 or gaugeN > 90 and on (target, i) ALERTS{alertname="SELF", alertstate="firing"}`)
	add(12, "avg_over_time(gaugeN[5m]) > 95")
	return strings.Join(list, ",\n")
}

// benchTarget makes reports of 100 series: 16 columns of 6 rows, and 4 numbers. Where it is busy, a row in
// forty is too high, and another for two minutes of four.
type benchTarget struct {
	target *poller.Target
	sets   []*series.Set
	random *rand.Rand
	passes int
	rows   []int // the fault of each row of each column
}

// The faults of a row.
const (
	fine = iota
	tooHigh
	flapping
)

func newBenchTarget(name string, seed uint64, busy bool) *benchTarget {
	b := &benchTarget{target: target(name), random: rand.New(rand.NewPCG(seed, 1))}
	ports, one := &series.Table{}, &series.Table{Ends: []uint32{0}}
	for i := range 6 {
		ports.Labels = series.AppendLabel(ports.Labels, len(ports.Labels), "i", fmt.Appendf(nil, "GigabitEthernet0/%d", i))
		ports.AddRow()
	}
	set := &series.Set{}
	add := func(name string, table *series.Table, kind series.Type) {
		set.Columns = append(set.Columns, series.Column{Desc: &series.Desc{Name: name, Type: kind}, Table: table, Values: make([]float64, len(table.Ends))})
	}
	for i := range 8 {
		add(fmt.Sprintf("octets%d_total", i), ports, series.Counter)
	}
	for i := range 7 {
		add(fmt.Sprintf("gauge%d", i), ports, series.Gauge)
	}
	add("ifHighSpeed", ports, series.Gauge)
	for _, name := range []string{"sysUpTime", "sysFactor", "cpu", "memory"} {
		add(name, one, series.Gauge)
	}
	for range 100 {
		b.rows = append(b.rows, fine)
		if n := b.random.IntN(40); busy && n < 2 {
			b.rows[len(b.rows)-1] = tooHigh + n
		}
	}
	b.sets = []*series.Set{set}
	return b
}

// report makes the next pass.
func (b *benchTarget) report(at time.Time) *poller.Report {
	b.passes++
	row := 0
	for i := range b.sets[0].Columns {
		c := &b.sets[0].Columns[i]
		for j := range c.Values {
			high := b.rows[row] == tooHigh || b.rows[row] == flapping && (b.passes+row)%8 < 4
			row++
			switch {
			case c.Desc.Type == series.Counter && high:
				c.Values[j] += 3.7e9
			case c.Desc.Type == series.Counter:
				c.Values[j] += 1e6 + b.random.Float64()*1e6
			case c.Desc.Name == "ifHighSpeed":
				c.Values[j] = 1000
			case c.Desc.Name == "sysFactor":
				c.Values[j] = 1
			case c.Desc.Name == "sysUpTime":
				c.Values[j] = 1e6
			case high:
				c.Values[j] = 96 + b.random.Float64()*3
			default:
				c.Values[j] = 10 + b.random.Float64()*50
			}
		}
	}
	return &poller.Report{Target: b.target, Last: &poller.Pass{Start: at, Up: true, Sets: b.sets}, Health: &series.Set{}}
}

func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The load is 100 series and 50 rules for each target, a pass each 30 seconds. The share of one core is that of
// 1,000 targets. Where they are busy, some 9,000 alerts are active, a third of which come and go.
func BenchmarkRules(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(map[bool]string{false: "quiet", true: "busy"}[busy], func(b *testing.B) {
			b.Run("targets=100", func(b *testing.B) { benchmarkRules(b, 100, busy) })
			b.Run("targets=1000", func(b *testing.B) { benchmarkRules(b, 1000, busy) })
		})
	}
}

func benchmarkRules(b *testing.B, targets int, busy bool) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := b.TempDir()
	state, err := statedir.Open(dir, nil, now)
	if err != nil {
		b.Fatal(err)
	}
	defer state.Close()
	outbox, err := outbox.New(state, nil, outbox.Options{Logger: slog.New(slog.DiscardHandler), Metrics: outbox.NewMetrics(prometheus.NewRegistry())}, now)
	if err != nil {
		b.Fatal(err)
	}
	e, list := benchEvaluator(b, Options{Dir: dir + "/rules", Alerts: AlertStore{State: state, Outbox: outbox}, Now: func() time.Time { return now }}, targets, busy)
	s, err := e.openSamples()
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	var took []time.Duration
	round := func() {
		now = now.Add(pollTime)
		for i, t := range list {
			r := t.report(now.Add(time.Duration(i) * time.Millisecond))
			start := time.Now()
			e.evaluatePoll(context.Background(), e.device(t.target.Name), r)
			took = append(took, time.Since(start))
		}
	}
	for range 12 {
		round()
	}
	took = nil
	sent := testutil.ToFloat64(e.metrics.transitions)
	cpu := processTime()
	for b.Loop() {
		round()
	}
	cpu = processTime() - cpu
	slices.Sort(took)
	b.ReportMetric(100*cpu.Seconds()*1000/float64(targets)/float64(b.N)/pollTime.Seconds(), "%core")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric((testutil.ToFloat64(e.metrics.transitions)-sent)/float64(b.N), "transitions")
	alerts := 0
	for _, s := range e.statuses() {
		alerts += len(s.alerts)
	}
	b.ReportMetric(float64(alerts), "alerts")
	b.ReportMetric(float64(len(outbox.Active())), "alarms")
}

// benchEvaluator is an evaluator of the fifty rules for so many targets.
func benchEvaluator(b *testing.B, o Options, targets int, busy bool) (*Evaluator, []*benchTarget) {
	b.Helper()
	o.Logger, o.Registry = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	e, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	var list []*benchTarget
	c := Configuration{Set: parse(b, "groups: [{name: g, rules: [\n"+fiftyRules()+"\n]}]")}
	for i := range targets {
		list = append(list, newBenchTarget(fmt.Sprintf("switch-%d", i), uint64(i), busy))
		c.Targets = append(c.Targets, list[i].target)
	}
	e.Configure(c)
	return e, list
}

// heap returns the octets in use.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools are empty after the second
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// The memory of a series that rules select: labels, samples of the last quarter of an hour, and its index. And the
// memory of fifty rules for each target.
func BenchmarkStoredSeries(b *testing.B) {
	const targets, passes = 200, 29 // with the next a chunk is full, and no longer in memory
	for b.Loop() {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		e, list := benchEvaluator(b, Options{Dir: b.TempDir(), Now: func() time.Time { return now }}, targets, false)
		s, err := e.openSamples()
		if err != nil {
			b.Fatal(err)
		}
		take := func() {
			now = now.Add(pollTime)
			for _, t := range list {
				if err := e.device(t.target.Name).storePoll(s, t.report(now), now, false); err != nil {
					b.Fatal(err)
				}
			}
		}
		before := heap()
		for range passes {
			take()
		}
		after := heap()
		b.ReportMetric((after-before)/float64(s.samples.NumSeries()), "B/series")
		for _, t := range list {
			d := e.device(t.target.Name)
			d.bind(e.set, time.Time{})
			d.publishHealth()
		}
		b.ReportMetric((heap()-after)/targets/1000, "kB/target")
		runtime.KeepAlive(e)
		runtime.KeepAlive(list)
		b.ReportMetric(float64(s.samples.NumSeries()), "series")
		if err := s.close(); err != nil {
			b.Fatal(err)
		}
	}
}

// The store of 200,000 series opens again after a crash, and after a stop.
func BenchmarkOpenStore(b *testing.B) {
	const targets, passes = 2100, 24
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := b.TempDir()
	e, list := benchEvaluator(b, Options{Dir: dir + "/rules", Now: func() time.Time { return now }}, targets, false)
	s, err := e.openSamples()
	if err != nil {
		b.Fatal(err)
	}
	for range passes {
		now = now.Add(pollTime)
		for _, t := range list {
			if err := e.device(t.target.Name).storePoll(s, t.report(now), now, false); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := os.CopyFS(dir+"/crashed", os.DirFS(dir+"/rules")); err != nil {
		b.Fatal(err)
	}
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	for _, after := range []string{"rules", "crashed"} {
		b.Run(map[string]string{"rules": "stop", "crashed": "crash"}[after], func(b *testing.B) {
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				copied := b.TempDir() + "/rules"
				if err := os.CopyFS(copied, os.DirFS(dir+"/"+after)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				cpu -= processTime()
				s, err := openStore(copied, 0, now, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				cpu += processTime()
				b.StopTimer()
				b.ReportMetric(float64(s.samples.NumSeries()), "series")
				if err := s.close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
