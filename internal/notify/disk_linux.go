package notify

import "golang.org/x/sys/unix"

// volatile tells whether a directory lies in memory.
func volatile(dir string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
}
