package cluster

import (
	"time"

	"golang.org/x/sys/unix"
)

var started = time.Now()

// sinceBoot is a time that nobody can set, and that goes on while the machine is suspended: leases do too.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Since(started)
	}
	return time.Duration(t.Nano())
}
