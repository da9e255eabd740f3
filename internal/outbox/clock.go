package outbox

import "time"

// Clock is the time as an outbox has it. Shown times are of the wall clock; pace, ages, leases and pauses are of
// one that cannot be set.
type Clock struct {
	Wall    func() time.Time
	Elapsed func() time.Duration // since any moment of this process
}

// realClock is what an outbox goes by where nobody hands it another one.
func realClock() Clock {
	start := time.Now()
	return Clock{Wall: time.Now, Elapsed: func() time.Duration { return time.Since(start) }}
}

// runClock counts the seconds for which processes with this state directory have run: across restarts, but not
// between them.
type runClock struct {
	Clock
	base  time.Duration // what the last process left
	began time.Duration // Elapsed at the start
}

func (c *runClock) run() time.Duration { return c.base + c.Elapsed() - c.began }

// wallAt is the wall time of a moment, as far as the clocks agree.
func (c *runClock) wallAt(run time.Duration) time.Time { return c.Wall().Add(run - c.run()) }

// seconds and fromSeconds are how moments are stored.
func seconds(d time.Duration) float64 { return d.Seconds() }

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
