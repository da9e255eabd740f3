package outbox

import "time"

// Clock is the clock of an outbox. Timestamps are wall times; pacing, ages, leases and pauses use a monotonic clock.
type Clock struct {
	Wall    func() time.Time
	Elapsed func() time.Duration // since an arbitrary moment of this process
}

// realClock returns the default clock of an outbox.
func realClock() Clock {
	start := time.Now()
	return Clock{Wall: time.Now, Elapsed: func() time.Duration { return time.Since(start) }}
}

// runClock measures run time: the time for which processes with this state directory have run, without the time between
// them.
type runClock struct {
	Clock
	base  time.Duration // run time at the start
	began time.Duration // Elapsed at the start
}

func (c *runClock) run() time.Duration { return c.base + c.Elapsed() - c.began }

// wallAt returns the wall time of a moment in run time. It is approximate if the wall clock was set.
func (c *runClock) wallAt(run time.Duration) time.Time { return c.Wall().Add(run - c.run()) }

// seconds and fromSeconds convert run time to and from its stored form.
func seconds(d time.Duration) float64 { return d.Seconds() }

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
