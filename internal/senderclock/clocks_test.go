package senderclock

import (
	"fmt"
	"math/rand/v2"
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
}

// receive sends an alert that began and ends at times of the right clock, and returns how long it goes on here.
func (h *history) receive(startsAt, endsAt time.Time) time.Duration {
	now := time.Now()
	// Add keeps the monotonic reading that setting a clock does not change: the wall time is set by the start instead.
	return h.clocks.remainingAt(Alert{Sender: h.prefix, ID: "a", StartsAt: startsAt, EndsAt: endsAt}, now, now.Round(0).Add(h.ahead))
}

// Whatever the wall clock is set to, however often, alerts end when their sender says so, and last as long as it says.
func TestSettingTheClockEndsNothing(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 14))
			h := &history{T: t, prefix: fmt.Sprint("p", seed)}
			h.clocks.Begin(time.Now())
			jumps := []time.Duration{0, -90 * time.Second, 90 * time.Second, 48 * time.Hour, -48 * time.Hour, 20 * time.Minute, -20 * time.Minute}
			valid := []time.Duration{4 * time.Minute, 4 * time.Minute, 40 * time.Minute}[rng.IntN(3)]
			var startsAt, endedAt time.Time
			for minute := range 600 {
				if rng.IntN(5) == 0 {
					h.ahead = jumps[rng.IntN(len(jumps))]
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
