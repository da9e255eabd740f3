//go:build !linux

package statedir

// volatile returns false: it is implemented on Linux only.
func volatile(string) bool { return false }

// FreeSpace returns known false: it is implemented on Linux only.
func FreeSpace(string) (octets uint64, known bool) { return 0, false }
