package quorum

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/ownalarm"
)

const after = 10 * time.Second

// In random histories of the session, and of a storage that fails at times, the alarm is active exactly while the majority has
// been out of reach for as long as it should be.
func TestTheAlarmFollowsTheSession(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		reached, active, missed := true, random.IntN(2) == 0, 0 // active: left by the process before; missed: looks in a row
		known, fails := false, false
		a := &Alarm{options: Options{Member: "poller-1", Reached: func() bool { return reached }, After: after, Logger: slog.New(slog.DiscardHandler)}}
		a.alarms = alarmsOf(&a.options, func(list []outbox.Transition, _ time.Time) error {
			if fails {
				return errors.New("disk full")
			}
			known, active = true, list[0].Active
			return nil
		})
		now := time.Unix(1e9, 0)
		look := func() {
			now = now.Add(ownalarm.Every)
			missed++
			if reached {
				missed = 0
			}
			a.update(now)
		}
		for range 100 {
			if random.IntN(4) == 0 {
				reached = !reached
			}
			fails = random.IntN(10) == 0
			for range random.IntN(15) {
				look()
			}
			fails = false
			look()
			if want := missed > int(after/ownalarm.Every); known && active != want {
				t.Fatalf("seed %d: active is %v after %d looks without a session", seed, active, missed)
			}
		}
	}
}

// A member that is stopped after the others raises no alarm while it ends, and clears none.
func TestAMemberThatEndsRaisesNoAlarm(t *testing.T) {
	for _, active := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var reached atomic.Bool
			reached.Store(!active)
			a, err := Open(Options{
				Dir: filepath.Join(t.TempDir(), "quorum"), Member: "poller-1", Reached: reached.Load, After: after,
				Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
			}, nil, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			parts, end := context.WithCancel(t.Context())
			ctx, stop := context.WithCancel(parts)
			ended := make(chan error)
			go func() { ended <- a.Run(ctx, parts) }()
			time.Sleep(2 * after)
			stop()
			synctest.Wait()
			reached.Store(active)
			time.Sleep(2 * after)
			if got := len(a.outbox.Active()) == 1; got != active {
				t.Errorf("active is %v, was %v before the end", got, active)
			}
			end()
			if err := errors.Join(<-ended, a.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The alarm outlives the process, is sent by the next one no second time, and cleared once.
func TestTheAlarmOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quorum")
	synctest.Test(t, func(t *testing.T) {
		reached := false
		open := func() *Alarm {
			a, err := Open(Options{
				Dir: dir, Member: "poller-1", Reached: func() bool { return reached }, After: after,
				Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
			}, nil, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a := open()
		for range 12 {
			a.update(time.Now())
			time.Sleep(ownalarm.Every)
		}
		if list := a.outbox.Active(); len(list) != 1 || list[0].Rule != alarm.WithoutQuorum || list[0].Severity != alarm.Critical {
			t.Fatal(list)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a = open()
		if len(a.outbox.Active()) != 1 {
			t.Error("it does not outlive the process")
		}
		reached = true
		a.update(time.Now())
		if len(a.outbox.Active()) != 0 {
			t.Error("it is not cleared")
		}
		if err := errors.Join(a.Close(), (*Alarm)(nil).Close()); err != nil {
			t.Error(err)
		}
	})
}
