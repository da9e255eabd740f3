package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/poller"
)

// large is an API over so many targets that have been polled once; some are down and some partial.
func large(b *testing.B, n int) *API {
	b.Helper()
	r := &rig{devices: map[string]*stub{}}
	var targets []*poller.Target
	for i := range n {
		one := target(fmt.Sprintf("acc-%05d", i), fmt.Sprintf("site-%02d", i%40))
		one.Interval = time.Second
		one.Labels["role"] = []string{"access", "core", "edge"}[i%3]
		switch {
		case i%100 == 7:
			d := silentDevice()
			d.takes = 0
			r.devices[one.Name] = d
		default:
			r.devices[one.Name] = &answering
		}
		targets = append(targets, one)
	}
	open := func(s client.Spec) (collector.Session, error) { return stubSession{r, s.Address}, nil }
	polls := poller.New(poller.Options{PassOptions: poller.PassOptions{Open: open}, Logger: slog.New(slog.DiscardHandler), Identify: true})
	polls.SetTargets(targets)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- polls.Run(ctx) }()
	for {
		waiting := slices.ContainsFunc(polls.Summaries(), func(u *poller.Summary) bool {
			return u.State == poller.Waiting || u.State == poller.Up && u.Identity == nil
		})
		if !waiting {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-ended
	return New(Options{Polls: polls, Started: time.Now()})
}

// BenchmarkLists answers requests over 10,000 targets. p50-ms and p99-ms are of the time of one.
func BenchmarkLists(b *testing.B) {
	a := large(b, 10_000)
	mux := http.NewServeMux()
	a.Register(mux)
	for _, query := range []string{
		"targets?limit=100", "targets?limit=100&sort=-duration", "targets?limit=100&offset=9000&sort=name",
		"targets?q=acc-04", "targets?q=site%3Dsite-07+state%3Ddown", "targets?q=nobody+has+this", "status",
	} {
		b.Run(query, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				w := discarding{http.Header{}}
				mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/"+query, nil))
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
		})
	}
}

type discarding struct{ header http.Header }

func (d discarding) Header() http.Header         { return d.header }
func (d discarding) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (d discarding) WriteHeader(int)             {}
