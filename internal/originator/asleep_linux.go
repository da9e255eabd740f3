package originator

import (
	"time"

	"golang.org/x/sys/unix"
)

// Asleep returns how long the machine has been suspended since it started.
func Asleep() time.Duration {
	var all, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	return (time.Duration(all.Nano()) - time.Duration(awake.Nano())).Round(time.Second)
}
