//go:build !linux

package notify

// volatile is known of Linux alone.
func volatile(string) bool { return false }
