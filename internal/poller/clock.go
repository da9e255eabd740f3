package poller

import "time"

// clock returns the times of the schedule. They begin with the wall clock, so that a restart changes no
// device's rhythm, and go on with one that nobody can set.
type clock struct {
	origin  time.Time // without a monotonic reading
	base    time.Duration
	elapsed func() time.Duration
}

// newClock makes a clock that goes on with elapsed, or with the monotonic clock where that is nil.
func newClock(elapsed func() time.Duration) clock {
	start := time.Now()
	if elapsed == nil {
		elapsed = func() time.Duration { return time.Since(start) }
	}
	return clock{start.Round(0), elapsed(), elapsed}
}

func (c *clock) now() time.Time { return c.origin.Add(c.elapsed() - c.base) }
