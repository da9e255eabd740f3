package notify

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// served is an outbox at work, and how to end it.
type served struct {
	outbox *outbox.Outbox
	t      *testing.T
	stop   func()
	said   int
}

func serve(t *testing.T, dir string, routes ...*queue.Route) *served {
	t.Helper()
	return serveWith(t, dir, outbox.Options{}, routes...)
}

func serveWith(t *testing.T, dir string, options outbox.Options, routes ...*queue.Route) *served {
	t.Helper()
	options.Logger, options.Metrics = slog.New(slog.DiscardHandler), outbox.NewMetrics(prometheus.NewRegistry())
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	// tests end processes, and not machines
	if err := state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil }); err != nil {
		t.Fatal(err)
	}
	o, err := outbox.New(state, routes, options, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	return &served{outbox: o, t: t, stop: func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	}}
}

// say applies "+a" as alarm a being active, "-a" as its end, and "a!" as its change to another summary, in
// one transaction: nothing is sent between two of them.
func (r *served) say(words ...string) {
	r.t.Helper()
	var all []outbox.Transition
	for _, word := range words {
		id := strings.Trim(word, "+-!")
		tr := outbox.Transition{Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary"}, Active: word[0] != '-'}
		if strings.HasSuffix(word, "!") {
			r.said++
			tr.Alarm.Summary = "summary " + strings.Repeat("x", r.said)
		}
		all = append(all, tr)
	}
	if err := r.outbox.Apply(all, time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// rest lets the time pass, after which everything has come to rest.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
