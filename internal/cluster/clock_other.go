//go:build !linux

package cluster

import "time"

var started = time.Now()

// sinceBoot is a time that nobody can set. Here it may stand still while the machine is suspended.
func sinceBoot() time.Duration { return time.Since(started) }
