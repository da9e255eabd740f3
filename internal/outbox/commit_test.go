package outbox

import (
	"context"
	"errors"
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
	bbolterrors "go.etcd.io/bbolt/errors"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// rowsOf are the names of the records that others have beside the outbox.
func rowsOf(t *testing.T, s *statedir.Dir) (names []string) {
	t.Helper()
	err := ledger.Load(t.Context(), &bolt.Store{Dir: s}, "", []string{ledger.Alert}, func(key string, _ []byte) error {
		names = append(names, strings.TrimPrefix(key, ledger.Alert))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// refusing is a store that refuses some writes, and calls a function before each commit.
type refusing struct {
	ledger.Store
	refuses map[string]error // by key
	before  func()
}

func (r *refusing) Commit(ctx context.Context, writes []ledger.Write) error {
	if r.before != nil {
		r.before()
	}
	for i := range writes {
		if err := r.refuses[writes[i].Key]; err != nil {
			return &ledger.Refused{At: i, Err: err}
		}
	}
	return r.Store.Commit(ctx, writes)
}

// Many writers share transactions; each has its own answer, and one that fails fails alone.
func TestWritersShareTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := run(t, dir)
		errOwn := errors.New("it does not want to")
		r.outbox.state.store = &refusing{Store: r.outbox.state.store, refuses: map[string]error{ledger.Alert + "07": errOwn}}
		r.outbox.commits.Lock(t.Context()) // so that all come before the next transaction
		var group sync.WaitGroup
		for i := range 64 {
			group.Go(func() {
				id := fmt.Sprintf("%02d", i)
				name := id
				if i%10 == 7 && i > 7 {
					name = strings.Repeat(id, bbolt.MaxKeySize)
				}
				own := []ledger.Write{{Key: ledger.Named(ledger.Alert, id)}, {Key: ledger.Named(ledger.Alert, name), Value: []byte("{}")}}
				err := r.outbox.ApplyWith([]Transition{{Alarm: alarm.Alarm{ID: id}, Active: true}}, time.Now(), own)
				switch {
				case i%10 != 7 && err != nil, i == 7 && !errors.Is(err, errOwn), i > 7 && i%10 == 7 && !errors.Is(err, bbolterrors.ErrKeyTooLarge):
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		for asked := 0; asked < 64; {
			r.outbox.mu.Lock()
			asked = len(r.outbox.pending)
			r.outbox.mu.Unlock()
		}
		r.outbox.commits.Unlock()
		group.Wait()
		check := func() {
			t.Helper()
			var ids []string
			for _, a := range r.outbox.Active() {
				ids = append(ids, a.ID)
			}
			slices.Sort(ids)
			if rows := rowsOf(t, r.outbox.state.dir); len(ids) != 64-6 || !slices.Equal(ids, rows) {
				t.Errorf("active are %v, stored with them %v", ids, rows)
			}
		}
		check()
		r.stop()
		r = run(t, dir)
		defer r.stop()
		check()
	})
}

// An event that a transaction is about to remove must not be sent meanwhile, and must be sent if
// the transaction fails.
func TestWhatIsBeingRemovedWaits(t *testing.T) {
	l := &outboxtest.Receiver{}
	o, err := New(openState(t, t.TempDir()), []*queue.Route{l.Route("nms")}, Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Apply([]Transition{{Alarm: alarm.Alarm{ID: "a"}, Active: true}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	take := func() *queue.Row {
		o.mu.Lock()
		defer o.mu.Unlock()
		r, _, _ := o.state.queues.All[0].Take(o.state.clock.Run())
		return r
	}
	errDisk := errors.New("the disk is full")
	o.state.store = &refusing{Store: o.state.store, refuses: map[string]error{ledger.Number: errDisk}, before: func() {
		if r := take(); r != nil {
			t.Errorf("%s is sent", r.ID)
		}
	}}
	err = o.Apply([]Transition{{Alarm: alarm.Alarm{ID: "a"}}}, time.Now())
	if r := take(); !errors.Is(err, errDisk) || r == nil || r.Kind != alarm.Raise {
		t.Errorf("%v, and then %v is sent", err, r)
	}
}

// A recovered receiver must be sent the queued events at its rate, in order for each alarm.
func TestRecoveredReceiversAreSentEventsAtTheirRate(t *testing.T) {
	const alarms, rounds, rate = 200, 10, 10
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.EveryTransition, route.Spacing = true, time.Second/rate
		r := run(t, t.TempDir(), route)
		defer r.stop()
		for round := range rounds {
			var words []string
			for i := range alarms {
				words = append(words, fmt.Sprintf("%c%d", "+-"[round%2], i))
			}
			r.say(words...)
		}
		settle(time.Hour)
		l.Take()
		failed := len(l.Received())
		l.Set(nil, 0)
		for len(l.Received()) == failed {
			settle(time.Second)
		}
		begin := time.Now()
		settle(100 * time.Second)
		if n := len(l.Received()) - failed; n < 100*rate || n > 102*rate {
			t.Errorf("%d were sent in %s, at %d a second", n, time.Since(begin), rate)
		}
		settle(110 * time.Second)
		heard := map[string][]string{}
		for _, e := range strings.Split(l.Take(), ", ") {
			kind, id, _ := strings.Cut(e, " ")
			heard[id] = append(heard[id], kind)
		}
		want := strings.TrimSpace(strings.Repeat("raise clear ", rounds/2))
		for id, kinds := range heard {
			if got := strings.Join(kinds, " "); got != want {
				t.Errorf("alarm %s: %s", id, got)
			}
		}
		if len(heard) != alarms {
			t.Errorf("heard of %d alarms", len(heard))
		}
	})
}
