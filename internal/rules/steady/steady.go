// Package steady has a clock that setting the wall clock does not move.
package steady

import (
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/originator"
)

// Clock is a clock that setting the wall clock does not change. Samples have its times, which never go back, and so
// have alerts. It starts with the wall clock and continues with the monotonic one, and the time for which the machine
// was suspended.
type Clock struct {
	start  time.Time                     // with a monotonic reading
	Slept  time.Duration                 // suspended at start
	Asleep func() time.Duration          // since the machine started
	Shown  func(now time.Time) time.Time // the wall clock's time

	begun atomic.Int64 // nanoseconds by which it began ahead of the wall clock, behind the last sample of the last process

	mu     sync.Mutex
	offset time.Duration // of the wall clock, when that was last looked at
}

// New returns a clock that begins now.
func New(now time.Time) *Clock {
	c := &Clock{start: now, Asleep: originator.Asleep, Shown: func(now time.Time) time.Time { return now.Round(0) }}
	c.Slept = c.Asleep()
	return c
}

// At returns the time of the clock at t.
func (c *Clock) At(t time.Time) time.Time {
	return c.start.Round(0).Add(t.Sub(c.start) + c.Asleep() - c.Slept + time.Duration(c.begun.Load()))
}

// Begin sets the clock after the last sample of the last process.
func (c *Clock) Begin(last, now time.Time) {
	if behind := last.Sub(c.At(now)); behind >= 0 {
		c.begun.Add(int64(behind + time.Millisecond))
	}
}

// Wall returns a time of the clock as a time of the wall clock.
func (c *Clock) Wall(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(c.Ahead(now))
}

// Ahead returns how far the wall clock is ahead of the clock.
func (c *Clock) Ahead(now time.Time) time.Duration { return c.Shown(now).Sub(c.At(now)) }

// bigStep is how far the wall clock has to be set for that to be logged.
const bigStep = time.Second

// Stepped returns how far the wall clock was set since it was last looked at, or 0.
func (c *Clock) Stepped(now time.Time) (by time.Duration) {
	offset := c.Ahead(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if by = offset - c.offset; by.Abs() <= bigStep {
		return 0 // it may be slewed, which adds up
	}
	c.offset = offset
	return by
}
