//go:build !linux

package statedir

// volatile is known of Linux alone.
func volatile(string) bool { return false }

// FreeSpace is known of Linux alone.
func FreeSpace(string) (octets uint64, known bool) { return 0, false }
