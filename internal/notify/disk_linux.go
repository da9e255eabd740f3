package notify

import (
	"time"

	"golang.org/x/sys/unix"
)

// Asleep is how long the machine has been suspended since it started.
func Asleep() time.Duration {
	var all, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	return (time.Duration(all.Nano()) - time.Duration(awake.Nano())).Round(time.Second)
}

// volatile tells whether a directory lies in memory.
func volatile(dir string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
}

// FreeSpace returns how many octets can be written to the disk of a directory that is there, or is yet to be made.
func FreeSpace(dir string) (octets uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(nearest(dir), &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
