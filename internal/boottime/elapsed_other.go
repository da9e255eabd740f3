//go:build !linux

// Package boottime has a clock that nobody can set.
package boottime

import "time"

var started = time.Now()

// Elapsed returns the time since the process started. It may stand still while the machine is suspended.
func Elapsed() time.Duration { return time.Since(started) }
