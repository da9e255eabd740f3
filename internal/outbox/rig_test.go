package outbox

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
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// listener is a receiver that records events and may fail.
type listener struct {
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

func (l *listener) received() []delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func (l *listener) deliver(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
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
		return originator.Receipt{Sent: 1}, errNobody
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

func (l *listener) set(broken error, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.delay = broken, delay
}

// take returns the events acknowledged since the previous call.
func (l *listener) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Join(l.heard, ", ")
	l.heard = nil
	return text
}

// kinds returns the kinds of the events since the last call, sorted.
func (l *listener) kinds() string {
	var kinds []string
	for _, word := range strings.Split(l.take(), ", ") {
		kind, _, _ := strings.Cut(word, " ")
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func (l *listener) route(name string) *queue.Route {
	return &queue.Route{Name: name, Deliver: l.deliver, Window: 16, MaxAge: 24 * time.Hour}
}

var errNobody = &originator.Error{Receiver: "nms", Reason: access.Timeout, Err: context.DeadlineExceeded}

// running is an outbox at work, and how to end it.
type running struct {
	outbox *Outbox
	t      *testing.T
	stop   func()
	said   int
}

func run(t *testing.T, dir string, routes ...*queue.Route) *running {
	t.Helper()
	return runWith(t, dir, Options{}, routes...)
}

func runWith(t *testing.T, dir string, options Options, routes ...*queue.Route) *running {
	t.Helper()
	options.Logger, options.Metrics = slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry())
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	// tests end processes, and not machines
	if err := state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil }); err != nil {
		t.Fatal(err)
	}
	o, err := New(state, routes, options, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	return &running{outbox: o, t: t, stop: func() {
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
func (r *running) say(words ...string) {
	r.t.Helper()
	var all []Transition
	for _, word := range words {
		id := strings.Trim(word, "+-!")
		tr := Transition{Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary"}, Active: word[0] != '-'}
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
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *running) expect(l *listener, want string) {
	r.t.Helper()
	if got := l.take(); got != want {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

// expectAny is expect for alarms whose order among each other is open.
func (r *running) expectAny(l *listener, want ...string) {
	r.t.Helper()
	heard := strings.Split(l.take(), ", ")
	slices.Sort(heard)
	slices.Sort(want)
	if !slices.Equal(heard, want) {
		r.t.Errorf("heard %q, want %q", heard, want)
	}
}

func openState(t testing.TB, dir string) *statedir.Dir {
	t.Helper()
	s, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
