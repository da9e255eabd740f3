//go:build !linux

package poller

import "time"

var started = time.Now()

// SinceBoot is a time that nobody can set.
func SinceBoot() time.Duration { return time.Since(started) }
