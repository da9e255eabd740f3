package statedir

import "golang.org/x/sys/unix"

// volatile reports whether a directory lies in memory.
func volatile(dir string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
}

// FreeSpace returns how many octets can be written to the disk of a directory, which need not exist yet.
func FreeSpace(dir string) (octets uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(nearestDir(dir), &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
