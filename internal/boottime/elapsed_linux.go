// Package boottime has a clock that nobody can set.
package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

var started = time.Now()

// Elapsed returns the time since the machine started, in which it may have been suspended: what is counted in it, such as a
// lease, ends while the machine sleeps.
func Elapsed() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Since(started)
	}
	return time.Duration(t.Nano())
}
