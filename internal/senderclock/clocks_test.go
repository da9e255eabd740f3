package senderclock

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// history is of one alert of a server whose clock is right, sent every minute, to a wall clock that is ahead of it.
type history struct {
	*testing.T
	clocks Clocks
	ahead  time.Duration
	prefix string
	began  time.Time // of the machine
	boots  int
	file   string
}

// restart ends the process and begins another one, which sees the wall clock as it is.
func (h *history) restart() {
	h.Helper()
	now := time.Now()
	h.clocks = Clocks{}
	err := h.clocks.Keep(Store{File: h.file, Boot: func() (string, time.Duration) { return fmt.Sprint("boot ", h.boots), time.Since(h.began) }, Write: func(file string, text []byte) error {
		return os.WriteFile(file, text, 0o600)
	}}, now)
	if err != nil {
		h.Fatal(err)
	}
	h.clocks.beginAt(now, now.Round(0).Add(h.ahead))
}

// receive sends an alert that began and ends at times of the right clock, and returns how long it goes on here.
func (h *history) receive(startsAt, endsAt time.Time) time.Duration {
	now := time.Now()
	// Add keeps the monotonic reading that setting a clock does not change: the wall time is set by the start instead.
	return h.clocks.remainingAt(Alert{Sender: h.prefix, ID: "a", StartsAt: startsAt, EndsAt: endsAt}, now, now.Round(0).Add(h.ahead))
}

// Whatever the wall clock is set to, and the process restarts, however often, alerts end when their sender says so, and
// last as long as it says.
func TestSettingTheClockEndsNothing(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 14))
			h := &history{T: t, prefix: fmt.Sprint("p", seed), began: time.Now().Add(-time.Hour), file: filepath.Join(t.TempDir(), File)}
			h.restart()
			jumps := []time.Duration{0, -90 * time.Second, 90 * time.Second, 48 * time.Hour, -48 * time.Hour, 20 * time.Minute, -20 * time.Minute}
			valid := []time.Duration{4 * time.Minute, 4 * time.Minute, 40 * time.Minute}[rng.IntN(3)]
			var startsAt, endedAt time.Time
			for minute := range 600 {
				if rng.IntN(5) == 0 {
					h.ahead = jumps[rng.IntN(len(jumps))]
				}
				if rng.IntN(10) == 0 {
					h.restart()
				}
				now := time.Now()
				switch {
				case !endedAt.IsZero() && (now.Sub(endedAt) > 14*time.Minute || rng.IntN(20) == 0):
					startsAt, endedAt = time.Time{}, time.Time{}
				case startsAt.IsZero():
					startsAt = now
				case endedAt.IsZero() && rng.IntN(20) == 0:
					endedAt = now
				}
				if !startsAt.IsZero() {
					want := now.Add(valid)
					if !endedAt.IsZero() {
						want = endedAt
					}
					left := h.receive(startsAt, want)
					if (left > 0) != endedAt.IsZero() || left > 0 && (left < valid-slewed || left > max(valid, least)+slewed) {
						t.Errorf("seed %d, minute %d, %v ahead: goes on for %v, ended at %v", seed, minute, h.ahead, left, endedAt)
						return
					}
				}
				time.Sleep(time.Minute)
			}
		})
	}
}

// A wall clock that was wrong at the start and is set right is followed: alerts end, and are renewed, from the second
// message on.
func TestTheClockIsSetRight(t *testing.T) {
	for _, wrong := range []time.Duration{-56 * 365 * 24 * time.Hour, -48 * time.Hour, -30 * time.Minute, -3 * time.Minute, 3 * time.Minute, 30 * time.Minute, 48 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := &history{T: t, prefix: "p", ahead: wrong}
			h.clocks.beginAt(time.Now(), time.Now().Round(0).Add(wrong))
			startsAt := time.Now().Add(-100 * time.Hour)
			h.receive(startsAt, time.Now().Add(4*time.Minute))
			h.ahead = 0
			for range 3 {
				time.Sleep(time.Minute)
				h.receive(startsAt, time.Now().Add(4*time.Minute))
			}
			if left := h.receive(startsAt, time.Now().Add(4*time.Minute)); left < 3*time.Minute {
				t.Errorf("%v: an active alert goes on for %v", wrong, left)
			}
			ended := time.Now()
			h.receive(startsAt, ended)
			time.Sleep(time.Minute)
			h.receive(startsAt, ended)
			time.Sleep(time.Minute)
			if left := h.receive(startsAt, ended); left > 0 {
				t.Errorf("%v: an alert that has ended goes on for %v", wrong, left)
			}
		})
	}
}

// Thousands of senders take no more room than the most that are known.
func TestSendersAreBounded(t *testing.T) {
	var c Clocks
	now := time.Now()
	for i := range 3 * maxSenders {
		c.Remaining(Alert{Sender: fmt.Sprint(i), ID: "a", EndsAt: now.Add(time.Minute)}, now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(c.senders) != maxSenders || c.senders[fmt.Sprint(3*maxSenders-1)] == nil {
		t.Errorf("%d senders are known", len(c.senders))
	}
}

// After the machine has started anew, the wall clock is believed; a file that cannot be read is no reason to fail later.
func TestAnotherBootBelievesTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &history{T: t, prefix: "p", began: time.Now(), file: filepath.Join(t.TempDir(), File), ahead: -48 * time.Hour}
		h.restart()
		h.boots++
		h.ahead = 0
		h.restart()
		if left := h.receive(time.Now(), time.Now().Add(4*time.Minute)); left != max(4*time.Minute, 0) {
			t.Errorf("goes on for %v", left)
		}
		if err := os.WriteFile(h.file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		var c Clocks
		if err := c.Keep(Store{File: h.file, Write: func(string, []byte) error { return nil }}, time.Now()); err == nil {
			t.Error("a torn file is read")
		}
		if left := c.Remaining(Alert{Sender: "p", ID: "a", EndsAt: time.Now().Add(time.Minute)}, time.Now()); left <= 0 {
			t.Errorf("goes on for %v", left)
		}
	})
}
