package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/ledger"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// byHand is an outbox that does nothing by itself: a test sets its clock, and has it deliver.
type byHand struct {
	outbox  *Outbox
	store   ledger.Store // nil: the database
	elapsed time.Duration
	gaveUp  func(receiver string, r *queue.Row) // may be nil
}

// byHandBegin is when the clock of an outbox by hand begins.
var byHandBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (b *byHand) now() time.Time { return byHandBegin.Add(b.elapsed) }

// clock is the clock of the outbox.
func (b *byHand) clock() *Clock {
	return &Clock{Wall: b.now, Elapsed: func() time.Duration { return b.elapsed }}
}

// rest lets the time pass, in steps, and delivers meanwhile.
func (b *byHand) rest(t *testing.T, d, step time.Duration) {
	for until := b.elapsed + d; ; b.elapsed = min(b.elapsed+step, until) {
		if err := b.outbox.housekeeping(b.now()); err != nil {
			t.Fatal(err)
		}
		for _, q := range b.outbox.state.queues.All {
			for r, expired, _ := q.Take(b.elapsed); r != nil; r, expired, _ = q.Take(b.elapsed) {
				if expired {
					if b.gaveUp != nil {
						b.gaveUp(q.Name, r)
					}
					b.outbox.deadLetter(t.Context(), q, r, errExpired)
				} else {
					b.outbox.deliver(context.Background(), q, r, q.Route)
				}
			}
		}
		if b.elapsed == until {
			return
		}
	}
}

// historyByHand returns a random history of an outbox whose database is state, which is emptied before.
func historyByHand(t *testing.T, state *statedir.Dir, store ledger.Store, seed uint64, byAlarm bool) *history {
	h, b := receiversOf(seed), &byHand{store: store}
	h.byAlarm, b.gaveUp = byAlarm, h.gaveUp
	for _, k := range h.receivers {
		if h.random.IntN(2) == 0 {
			k.maxAge = time.Duration(5+h.random.IntN(31)) * time.Second
		}
		if h.random.IntN(3) == 0 {
			k.repeat = time.Duration(5+h.random.IntN(31)) * time.Second
		}
	}
	h.now, h.rest = b.now, 3*time.Hour
	h.settle = func(d time.Duration) { b.rest(t, d, max(time.Second, d/100)) }
	h.restart = func() {
		if b.outbox != nil && h.random.IntN(2) == 0 { // an orderly end, not a crash
			b.outbox.state.boots-- // that of the next one is the same: the state directory stays open
			b.outbox.noteSent()
		}
		began := b.elapsed
		clock := &Clock{Wall: b.now, Elapsed: func() time.Duration { return b.elapsed - began }}
		o, err := New(state, h.routes(), Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Clock: clock, Store: b.store}, b.now())
		if err != nil {
			t.Fatal(err)
		}
		o.state.clock.Base, o.state.clock.Clock, o.state.clock.Began = b.elapsed, *b.clock(), b.elapsed
		b.outbox, h.running = o, &running{outbox: o, t: t}
	}
	err := state.Update(func(tx *bbolt.Tx) error {
		tx.DB().NoSync = true
		for _, name := range []string{"meta", "alarms", "views", "events", "outbox", "dead", "journal", "silences"} {
			if tx.Bucket([]byte(name)) != nil {
				if err := tx.DeleteBucket([]byte(name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.restart()
	return h
}

// violationsOf performs random histories, and returns how many have violations, and those of the first ones.
func violationsOf(t *testing.T, histories uint64, byAlarm bool) (failed int, first []string) {
	t.Helper()
	state := openState(t, t.TempDir())
	for seed := range histories {
		h := historyByHand(t, state, nil, seed, byAlarm)
		for range 30 {
			h.step()
		}
		if violations := h.end(); len(violations) > 0 {
			if failed++; len(first) < 5 {
				first = append(first, fmt.Sprint("seed ", seed, ": ", violations))
			}
		}
	}
	return failed, first
}

// Receivers end with what is true, and are sent nothing that they know already, whatever happens. A long run has 20,000
// histories.
func TestThePlannerKeepsReceiversTrue(t *testing.T) {
	t.Parallel()
	histories := trials[uint64](200, 20_000)
	if failed, first := violationsOf(t, histories, false); failed > 0 {
		t.Errorf("%d of %d histories have violations: %v", failed, histories, first)
	}
}

// The histories would find lines by alarm, in place of the receivers' keys.
func TestLinesByAlarmAreFound(t *testing.T) {
	t.Parallel()
	const histories = 40
	failed, first := violationsOf(t, histories, true)
	if t.Logf("%d of %d, such as %v", failed, histories, first); failed < histories/2 {
		t.Errorf("lines by alarm have violations in %d of %d histories", failed, histories)
	}
}
