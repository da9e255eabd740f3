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

	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/series"
)

// fiftyRules are of the kinds that people have: rates in percent of the speed, joins, conditions, hysteresis
// and windows.
func fiftyRules() string {
	var list []string
	add := func(n int, format string) {
		for i := range n {
			list = append(list, fmt.Sprintf("{alert: A%d, expr: '%s', for: 1m, labels: {severity: major}, annotations: {summary: \"{{ $labels.i }} is at {{ $value }}\", value: \"{{ $value }}\"}}",
				len(list), strings.ReplaceAll(format, "N", fmt.Sprint(i%8))))
		}
	}
	add(16, "rate(octetsN_total[5m]) * 8 / (ifHighSpeed * 1e6) > 0.9")
	add(8, "gaugeN > 95 and on (target) sysUpTime > 600")
	add(6, "gaugeN * on (target) group_left () sysFactor > 95")
	add(8, `gaugeN > 95 or gaugeN > 90 and on (target, i) ALERTS{alertname="AN", alertstate="firing"}`)
	add(12, "avg_over_time(gaugeN[5m]) > 95")
	return strings.Join(list, ",\n")
}

// benchTarget makes reports of 100 series: 16 columns of 6 rows, and 4 numbers.
type benchTarget struct {
	target *poller.Target
	sets   []*series.Set
	random *rand.Rand
}

func newBenchTarget(name string, seed uint64) *benchTarget {
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
	b.sets = []*series.Set{set}
	return b
}

// report makes the next pass, in which a share of the gauges is high.
func (b *benchTarget) report(at time.Time, high float64) *poller.Report {
	for i := range b.sets[0].Columns {
		c := &b.sets[0].Columns[i]
		for j := range c.Values {
			switch {
			case c.Desc.Type == series.Counter:
				c.Values[j] += 1e6 + b.random.Float64()*1e6
			case c.Desc.Name == "ifHighSpeed":
				c.Values[j] = 1000
			case c.Desc.Name == "sysFactor":
				c.Values[j] = 1
			case b.random.Float64() < high:
				c.Values[j] = 99
			default:
				c.Values[j] = 10 + b.random.Float64()*50
			}
		}
		if c.Desc.Name == "sysUpTime" {
			c.Values[0] = 1e6
		}
	}
	return &poller.Report{Target: b.target, Last: &poller.Pass{Start: at, Up: true, Sets: b.sets}, Fares: &series.Set{}}
}

func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The load is 1,000 targets of 100 series each, 50 rules, a pass each 30 seconds. It is given as the share of
// one core, and as the time from a pass to its commit when all of the passes are spread over 30 seconds.
func BenchmarkRules(b *testing.B) {
	const targets, whole = 100, 1000 // a tenth of the load takes a tenth of the time
	for _, high := range []float64{0, 0.02} {
		b.Run(fmt.Sprintf("high=%g", high), func(b *testing.B) {
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			dir := b.TempDir()
			state, err := notify.Open(dir, nil, now)
			if err != nil {
				b.Fatal(err)
			}
			defer state.Close()
			outbox, err := notify.NewOutbox(state, nil, notify.OutboxOptions{Logger: slog.New(slog.DiscardHandler), Metrics: notify.NewMetrics(prometheus.NewRegistry())}, now)
			if err != nil {
				b.Fatal(err)
			}
			e, list := benchEvaluator(b, Options{Dir: dir + "/rules", Ledger: Ledger{state, outbox}, Now: func() time.Time { return now }}, targets)
			s, err := e.openBacking()
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			var took []time.Duration
			round := func() {
				now = now.Add(pollTime)
				for i, t := range list {
					r := t.report(now.Add(time.Duration(i)*time.Millisecond), high)
					start := time.Now()
					e.pass(context.Background(), e.device(t.target.Name), r)
					took = append(took, time.Since(start))
				}
			}
			for range 12 {
				round()
			}
			took = nil
			var memory runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&memory)
			cpu := processTime()
			for b.Loop() {
				round()
			}
			cpu = processTime() - cpu
			slices.Sort(took)
			b.ReportMetric(100*cpu.Seconds()*whole/targets/float64(b.N)/pollTime.Seconds(), "%core")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(len(outbox.Active())), "alarms")
			b.ReportMetric(float64(memory.HeapAlloc)/1e6, "heap-MB")
		})
	}
}

// benchEvaluator is an evaluator of the fifty rules for so many targets.
func benchEvaluator(b *testing.B, o Options, targets int) (*Evaluator, []*benchTarget) {
	b.Helper()
	o.Logger, o.Registry = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	e, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	var list []*benchTarget
	c := Configuration{Set: parse(b, "groups: [{name: g, rules: [\n"+fiftyRules()+"\n]}]")}
	for i := range targets {
		list = append(list, newBenchTarget(fmt.Sprintf("switch-%d", i), uint64(i)))
		c.Targets = append(c.Targets, list[i].target)
	}
	e.Configure(c)
	return e, list
}

// What a series costs in memory that rules look at: labels, samples of the last quarter of an hour, and where it is.
func BenchmarkStoredSeries(b *testing.B) {
	const targets, passes = 200, 30
	for b.Loop() {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		e, list := benchEvaluator(b, Options{Dir: b.TempDir(), Now: func() time.Time { return now }}, targets)
		s, err := e.openBacking()
		if err != nil {
			b.Fatal(err)
		}
		take := func() {
			now = now.Add(pollTime)
			for _, t := range list {
				if err := e.device(t.target.Name).take(context.Background(), s, t.report(now, 0), now, false); err != nil {
					b.Fatal(err)
				}
			}
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range passes {
			take()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(s.Head().NumSeries()), "B/series")
		b.ReportMetric(float64(s.Head().NumSeries()), "series")
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
	e, list := benchEvaluator(b, Options{Dir: dir + "/rules", Now: func() time.Time { return now }}, targets)
	s, err := e.openBacking()
	if err != nil {
		b.Fatal(err)
	}
	for range passes {
		now = now.Add(pollTime)
		for _, t := range list {
			if err := e.device(t.target.Name).take(context.Background(), s, t.report(now, 0), now, false); err != nil {
				b.Fatal(err)
			}
		}
	}
	s.DisableCompactions()
	if err := os.CopyFS(dir+"/crashed", os.DirFS(dir+"/rules")); err != nil {
		b.Fatal(err)
	}
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	for _, after := range []string{"rules", "crashed"} {
		b.Run(map[string]string{"rules": "stop", "crashed": "crash"}[after], func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				copied := b.TempDir() + "/rules"
				if err := os.CopyFS(copied, os.DirFS(dir+"/"+after)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				s, err := openStore(copied, 0, now, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				b.ReportMetric(float64(s.Head().NumSeries()), "series")
				if err := s.close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
