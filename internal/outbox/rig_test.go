package outbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// trials returns how many trials a test has: those of a long run if TRAPLINE_SOAK is set.
func trials[N int | uint64](short, long N) N {
	if os.Getenv("TRAPLINE_SOAK") != "" {
		return long
	}
	return short
}

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
		if err := state.View(matchEvents); err != nil {
			t.Error(err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	}}
}

// say applies "+a" as alarm a being active, "-a" as its end, and "a!" as its change to another summary, in
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

// settle lets the time pass, after which everything has come to rest.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *running) expect(l *outboxtest.Receiver, want string) {
	r.t.Helper()
	if got := l.Take(); got != want {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

// expectAny is expect for alarms whose order among each other is open.
func (r *running) expectAny(l *outboxtest.Receiver, want ...string) {
	r.t.Helper()
	heard := strings.Split(l.Take(), ", ")
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

// matchEvents returns an error unless each stored row has its event, and each stored event has a row.
func matchEvents(tx *bbolt.Tx) error {
	var missing []string
	unused := map[uint64]bool{}
	err := tx.Bucket([]byte("events")).ForEach(func(k, _ []byte) error {
		unused[binary.BigEndian.Uint64(k)] = true
		return nil
	})
	stored := maps.Clone(unused)
	err = errors.Join(err, tx.Bucket([]byte("outbox")).ForEachBucket(func(name []byte) error {
		return tx.Bucket([]byte("outbox")).Bucket(name).ForEach(func(k, value []byte) error {
			var row struct {
				Event uint64 `json:"event"`
			}
			text, err := statedir.Unseal(k, value)
			if err = errors.Join(err, json.Unmarshal(text, &row)); !stored[row.Event] {
				missing = append(missing, fmt.Sprintf("%d of %s", row.Event, name))
			}
			delete(unused, row.Event)
			return err
		})
	}))
	if len(missing)+len(unused) > 0 {
		err = errors.Join(err, fmt.Errorf("rows without their events: %v; events without rows: %v", missing, unused))
	}
	return err
}
