package rules

import (
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/originator"
)

// clock is a clock that setting the wall clock does not change. Samples have its times, which never go back, and so
// have alerts. It starts with the wall clock and continues with the monotonic one, and the time for which the machine
// was suspended.
type clock struct {
	start  time.Time                     // with a monotonic reading
	slept  time.Duration                 // suspended at start
	asleep func() time.Duration          // since the machine started
	shown  func(now time.Time) time.Time // the wall clock's time

	begun atomic.Int64 // nanoseconds by which it began ahead of the wall clock, behind the last sample of the last process

	mu     sync.Mutex
	offset time.Duration // of the wall clock, when that was last looked at
}

func newClock(now time.Time) *clock {
	c := &clock{start: now, asleep: originator.Asleep, shown: func(now time.Time) time.Time { return now.Round(0) }}
	c.slept = c.asleep()
	return c
}

// steady returns the time of the clock at t.
func (c *clock) steady(t time.Time) time.Time {
	return c.start.Round(0).Add(t.Sub(c.start) + c.asleep() - c.slept + time.Duration(c.begun.Load()))
}

// begin sets the clock after the last sample of the last process.
func (c *clock) begin(last, now time.Time) {
	if behind := last.Sub(c.steady(now)); behind >= 0 {
		c.begun.Add(int64(behind + time.Millisecond))
	}
}

// wall returns a time of the clock as a time of the wall clock.
func (c *clock) wall(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(c.ahead(now))
}

// ahead returns how far the wall clock is ahead of the clock.
func (c *clock) ahead(now time.Time) time.Duration { return c.shown(now).Sub(c.steady(now)) }

// bigStep is how far the wall clock has to be set for that to be logged.
const bigStep = time.Second

// stepped returns how far the wall clock was set since it was last looked at, or 0.
func (c *clock) stepped(now time.Time) (by time.Duration) {
	offset := c.ahead(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if by = offset - c.offset; by.Abs() <= bigStep {
		return 0 // it may be slewed, which adds up
	}
	c.offset = offset
	return by
}
