package agent

import (
	"syscall"
	"time"
)

// nap sleeps to some ten microseconds, which the runtime's timers do not.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(max(d, 0)))
	_ = syscall.Nanosleep(&t, nil) // woken up too early, its caller looks again
}
