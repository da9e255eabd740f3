package outbox

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
)

// Setting the wall clock by any amount must not give up or delay an event, end a lease or repeat an
// event; only elapsed time may.
func TestTheWallClockMayBeSet(t *testing.T) {
	for _, step := range []time.Duration{-48 * time.Hour, -90 * time.Second, 90 * time.Second, 48 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var ahead atomic.Int64
			start := time.Now()
			clock := &Clock{
				Wall:    func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) },
				Elapsed: func() time.Duration { return time.Since(start) },
			}
			l := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
			route := l.Route("nms")
			route.MaxAge, route.RepeatInterval = time.Hour, 12*time.Hour
			r := runWith(t, t.TempDir(), Options{Clock: clock, interval: 10 * time.Second}, route)
			defer r.stop()
			apply := func(tr Transition) {
				if err := r.outbox.Apply([]Transition{tr}, clock.Wall()); err != nil {
					t.Fatal(err)
				}
			}
			apply(Transition{Alarm: alarm.Alarm{ID: "a", Severity: alarm.Major}, Active: true})
			apply(Transition{Alarm: alarm.Alarm{ID: "leased", Severity: alarm.Major}, Active: true, Lease: clock.Wall().Add(3 * time.Hour)})
			settle(time.Minute)
			ahead.Store(int64(step))
			apply(Transition{Alarm: alarm.Alarm{ID: "b", Severity: alarm.Major}, Active: true})
			settle(time.Minute)
			ahead.Store(0)
			settle(time.Minute)
			ahead.Store(int64(step))
			l.Set(nil, 0)
			settle(5 * time.Minute)
			r.expectAny(l, "raise a", "raise b", "raise leased")
			apply(Transition{Alarm: alarm.Alarm{ID: "c", Severity: alarm.Major}, Active: true})
			settle(time.Second)
			r.expect(l, "raise c")
			settle(2 * time.Hour)
			r.expect(l, "")
			settle(time.Hour)
			r.expect(l, "clear leased")
			settle(12 * time.Hour)
			r.expectAny(l, "raise a repeat 1", "raise b repeat 1", "raise c repeat 1")
			l.Set(outboxtest.ErrTimeout, 0)
			apply(Transition{Alarm: alarm.Alarm{ID: "d", Severity: alarm.Major}, Active: true})
			settle(2 * time.Hour)
			if dead, err := r.outbox.DeadLetters("nms"); err != nil || len(dead) != 1 {
				t.Errorf("%d events were given up, %v", len(dead), err)
			}
		})
	}
}

// Ages go on over a restart, and do not count the time between.
func TestAgesGoOnOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.MaxAge = time.Hour
		r := run(t, dir, route)
		r.say("+a")
		settle(40 * time.Minute)
		r.stop()
		time.Sleep(48 * time.Hour)
		r = run(t, dir, route)
		defer func() { r.stop() }()
		settle(15 * time.Minute)
		if dead, err := r.outbox.DeadLetters("nms"); err != nil || len(dead) != 0 {
			t.Errorf("%d events were given up, %v", len(dead), err)
		}
		settle(15 * time.Minute)
		if dead, err := r.outbox.DeadLetters("nms"); err != nil || len(dead) != 1 {
			t.Errorf("%d events were given up, %v", len(dead), err)
		}
	})
}

// Giving up an event ends its retries, not the alarm: a receiver that responds again must be sent
// the current state, also after a restart, and also if nothing is queued for it.
func TestWhatWasGivenUpIsSentOnceTheReceiverAnswers(t *testing.T) {
	for _, test := range []struct{ restart, quiet bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		synctest.Test(t, func(t *testing.T) {
			dir, l := t.TempDir(), &outboxtest.Receiver{}
			route := l.Route("nms")
			route.MaxAge = time.Hour
			r := run(t, dir, route)
			defer func() { r.stop() }()
			r.say("+cleared", "+changed", "+quiet")
			settle(time.Minute)
			l.Take()
			l.Set(outboxtest.ErrTimeout, 0)
			r.say("-cleared", "changed!", "+raised", "+gone")
			settle(5 * time.Minute)
			r.say("-gone")
			settle(80 * time.Minute)
			if dead, err := r.outbox.DeadLetters("nms"); err != nil || len(dead) != 5 || r.outbox.Depth("nms") != 0 {
				t.Errorf("%d events were given up, %d wait, %v", len(dead), r.outbox.Depth("nms"), err)
			}
			if !test.quiet {
				r.say("raised!") // which it may not know
				settle(10 * time.Minute)
			}
			if test.restart {
				r.stop()
			}
			l.Set(nil, 0)
			if test.restart {
				r = run(t, dir, route)
			}
			want := []string{"clear cleared", "clear gone", "raise changed", "raise raised"}
			if !test.quiet {
				r.say("+new")
				want = append(want, "raise new")
			}
			if test.quiet && !test.restart {
				settle(time.Minute)
				r.expect(l, "") // nobody has tried
			}
			settle(time.Hour)
			r.expectAny(l, want...)
			r.say("-raised", "-quiet")
			settle(time.Minute)
			r.expectAny(l, "clear raised", "clear quiet")
		})
	}
}

// A condition goes on until the end of its lease, however far that is, and no longer.
func TestLeasesEndWhenTheySay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		for _, lease := range []time.Time{time.Now().Add(time.Hour + time.Minute), time.Now().Add(290 * 365 * 24 * time.Hour), far, time.Unix(1<<55, 0)} {
			r := run(t, t.TempDir())
			settle(time.Minute) // the run time is added to the lease
			if err := r.outbox.Apply([]Transition{{Alarm: alarm.Alarm{ID: "a"}, Active: true, Lease: lease}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(time.Hour - 2*time.Minute)
			if n := len(r.outbox.Active()); n != 1 {
				t.Errorf("until %v: %d alarms before the end", lease, n)
			}
			settle(3 * time.Minute)
			if n := len(r.outbox.Active()); (n == 0) != (time.Until(lease) < 0) {
				t.Errorf("until %v: %d alarms after an hour", lease, n)
			}
			r.stop()
		}
	})
}
