package agent

import (
	"syscall"
	"time"
)

// preciseSleep sleeps with a precision of about ten microseconds, which the runtime's timers lack.
func preciseSleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(max(d, 0)))
	_ = syscall.Nanosleep(&t, nil) // the caller handles an early wakeup
}
