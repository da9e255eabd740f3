package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// recorder is a receiver that records events and may fail.
type recorder struct {
	mu      sync.Mutex
	heard   []string   // acknowledged events: kind and alarm
	events  []delivery // all events received, acknowledged or not
	broken  error
	poison  string // the ID of an alarm that it never confirms
	delay   time.Duration
	busy    map[string]bool
	overlap bool
}

// delivery is an event as it was delivered.
type delivery struct {
	alarm.Event
	requestID int32
}

func (l *recorder) received() []delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func (l *recorder) deliver(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
	l.mu.Lock()
	l.events = append(l.events, delivery{*e, id})
	if l.busy == nil {
		l.busy = map[string]bool{}
	}
	l.overlap = l.overlap || l.busy[e.Alarm.ID]
	l.busy[e.Alarm.ID] = true
	delay, broken := l.delay, l.broken
	l.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return originator.Receipt{}, ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[e.Alarm.ID] = false
	if l.poison != "" && e.Alarm.ID == l.poison {
		return originator.Receipt{Sent: 1}, errUnreached
	}
	if broken != nil {
		return originator.Receipt{Sent: 1}, broken
	}
	text := string(e.Kind)
	if e.Alarm.ID != "" {
		text += " " + e.Alarm.ID
	}
	if e.Repeat > 0 {
		text += fmt.Sprintf(" repeat %d", e.Repeat)
	}
	if e.Dropped > 0 {
		text += fmt.Sprintf(" dropped %d", e.Dropped)
	}
	l.heard = append(l.heard, text)
	return originator.Receipt{Sent: 1}, nil
}

func (l *recorder) set(broken error, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.delay = broken, delay
}

// take returns the events acknowledged since the previous call.
func (l *recorder) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Join(l.heard, ", ")
	l.heard = nil
	return text
}

func (l *recorder) route(name string) *queue.Route {
	return &queue.Route{Name: name, Deliver: l.deliver, Window: 16, MaxAge: 24 * time.Hour}
}

var errUnreached = &originator.Error{Receiver: "nms", Reason: access.Timeout, Err: context.DeadlineExceeded}

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

// raise applies "+a" as alarm a being active, "-a" as its end, and "a!" as its change to another summary, in
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

// diff lets the time pass, after which everything has come to rest.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
