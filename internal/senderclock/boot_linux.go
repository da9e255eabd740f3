package senderclock

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// boot returns the identity of the boot of this machine, and the time since then, during which it may have slept.
func boot() (id string, since time.Duration) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var t unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(text)), time.Duration(t.Nano())
}
