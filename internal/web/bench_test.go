package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/httpapi"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// answers is a device that has a few objects at hand.
type answers struct{ objects []snmp.VarBind }

func (a *answers) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, v := range a.objects {
		yield(v)
	}
	return client.Stats{Packets: 10, Retries: 1, VarBinds: len(a.objects), Path: client.Path{RTT: 3 * time.Millisecond, Window: 16}}, nil
}

// silent is a device that does not answer.
type silent struct{}

func (silent) Poll(context.Context, *client.Plan, func(snmp.VarBind)) (client.Stats, error) {
	return client.Stats{Packets: 4, Retries: 3}, &access.Error{Op: "walk", Reason: access.Timeout, Err: fmt.Errorf("request timeout (after 3 retries)")}
}

// realFleet answers out of a poller that has polled n targets once; every thousandth is down.
func realFleet(b *testing.B, n int) Source {
	b.Helper()
	device := &answers{}
	for i := range 52 {
		device.objects = append(device.objects, snmp.VarBind{Name: snmp.MustParseOID(fmt.Sprintf("1.3.6.1.2.1.2.2.1.10.%d", i+1)), Type: snmp.Counter32, Value: []byte{1, 2, 3}})
	}
	oid := setting.ParseOID("1.3.6.1.2.1.2.2.1.10")
	module := collector.Compile("if_mib", &collector.Settings{Walk: []setting.OID{oid},
		Metrics: []collector.MetricSettings{{Name: "ifInOctets", OID: oid, Type: "counter", Indexes: []collector.IndexSettings{{LabelName: "ifIndex", Type: "gauge"}}}}})
	log := slog.New(slog.DiscardHandler)
	polls := poller.New(poller.Options{PassOptions: poller.PassOptions{Open: func(s client.Spec) (collector.Session, error) {
		if s.Address[len(s.Address)-3:] == "007" {
			return silent{}, nil
		}
		return device, nil
	}}, Logger: log})
	var targets []*poller.Target
	for i := range n {
		targets = append(targets, &poller.Target{Name: fmt.Sprintf("switch-%05d", i), Interval: time.Hour, AuthName: "public_v2", Spec: client.Spec{Address: fmt.Sprintf("10.0.0.0:1%05d", i)},
			Labels: map[string]string{"site": fleetSites[i%5]}, Modules: []*collector.Module{module}})
	}
	polls.SetTargets(targets)
	run(b, polls.Run)
	var all sync.WaitGroup
	for _, t := range targets {
		all.Go(func() { _ = polls.PollNow(b.Context(), t.Name) }) // one that is not polled is waiting
	}
	all.Wait()
	judge, err := rules.New(rules.Options{Dir: b.TempDir(), Logger: log, Registry: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	a := httpapi.New(httpapi.Options{Polls: polls, Rules: judge, Version: "1.0.0", Started: time.Now(), Guard: httpapi.Guard{Mode: httpapi.ActionsOn}})
	return Source{Process: a, Fleet: a.Fleet, Console: a.Console, Catalog: a.Catalog, Explainer: a.Explainer}
}

// run runs something until the benchmark ends.
func run(b *testing.B, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- f(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

// BenchmarkPages measures how long the server takes for pages of 10,000 targets, how large they are, and which share
// of a core fifty tabs take that poll: forty of them lists every 5 s, ten a target every 2 s.
func BenchmarkPages(b *testing.B) {
	h := serve(Options{Source: realFleet(b, 10000), Telemetry: "/metrics"})
	for _, page := range []struct {
		name, path string
	}{
		{"overview", "/"}, {"targets", "/targets"}, {"down", "/targets?state=down"}, {"search", "/targets?q=site%3Dberlin+switch-0"},
		{"sorted", "/targets?sort=-duration"}, {"last", "/targets?from=9900"}, {"target", "/targets/switch-00012"},
	} {
		b.Run(page.name, func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				start := time.Now()
				w := ask(b, h, page.path, "Accept-Encoding", "gzip")
				took = append(took, time.Since(start))
				if size = w.Body.Len(); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "median-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
			b.ReportMetric(float64(size), "octets")
		})
	}
	b.Run("50tabs", func(b *testing.B) {
		before := processorTime(b)
		for b.Loop() { // ten seconds of fifty tabs
			for i := range 80 + 50 {
				path := "/targets"
				if i >= 80 {
					path = "/targets/switch-00012"
				}
				ask(b, h, path, "Accept-Encoding", "gzip")
			}
		}
		b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N)/10, "cores")
	})
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
