package agent

import (
	"syscall"
	"time"
)

// nap sleeps with a precision of about ten microseconds, which the runtime's timers lack.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(max(d, 0)))
	_ = syscall.Nanosleep(&t, nil) // the caller handles an early wakeup
}
