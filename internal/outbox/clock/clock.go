// Package clock measures the run time of an outbox: the time for which processes with its state directory have run.
package clock

import "time"

// Clock is the clock of an outbox. Timestamps are wall times; pacing, ages, leases and pauses use a monotonic clock.
type Clock struct {
	Wall    func() time.Time
	Elapsed func() time.Duration // since an arbitrary moment of this process
}

// Real returns the default clock of an outbox.
func Real() Clock {
	start := time.Now()
	return Clock{Wall: time.Now, Elapsed: func() time.Duration { return time.Since(start) }}
}

// Run measures run time, which does not pass between two processes.
type Run struct {
	Clock
	Base  time.Duration // run time at the start
	Began time.Duration // Elapsed at the start
}

// Run returns the run time.
func (c *Run) Run() time.Duration { return c.Base + c.Elapsed() - c.Began }

// WallAt returns the wall time of a moment in run time. It is approximate if the wall clock was set.
func (c *Run) WallAt(run time.Duration) time.Time { return c.Wall().Add(run - c.Run()) }

// Seconds returns the stored form of run time.
func Seconds(d time.Duration) float64 { return d.Seconds() }

// FromSeconds returns run time from its stored form.
func FromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
