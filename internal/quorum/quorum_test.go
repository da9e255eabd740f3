package quorum

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
)

const after = 10 * time.Second

// In random histories of the session, and of a storage that fails at times, the alarm is active exactly while the majority has
// been out of reach for as long as it should be.
func TestTheAlarmFollowsTheSession(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		reached, active, missed := true, random.IntN(2) == 0, 0 // active: left by the process before; missed: looks in a row
		a := &Alarm{options: Options{Member: "poller-1", Reached: func() bool { return reached }, After: after}}
		now := time.Unix(1e9, 0)
		look := func(fails bool) {
			now = now.Add(every)
			missed++
			if reached {
				missed = 0
			}
			x, due := a.next(now)
			if due && fails {
				a.failed()
			} else if due {
				active = x.Active
			}
		}
		for range 100 {
			if random.IntN(4) == 0 {
				reached = !reached
			}
			fails := random.IntN(10) == 0
			for range random.IntN(15) {
				look(fails)
			}
			look(false)
			if want := missed > int(after/every); a.told && active != want {
				t.Fatalf("seed %d: active is %v after %d looks without a session", seed, active, missed)
			}
		}
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
		pass := func(a *Alarm) {
			x, due := a.next(time.Now())
			if !due {
				return
			}
			if err := a.outbox.Apply([]outbox.Transition{x}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		a := open()
		for range 12 {
			pass(a)
			time.Sleep(every)
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
		pass(a)
		if len(a.outbox.Active()) != 0 {
			t.Error("it is not cleared")
		}
		if err := errors.Join(a.Close(), (*Alarm)(nil).Close()); err != nil {
			t.Error(err)
		}
	})
}
