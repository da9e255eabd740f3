//go:build !linux

package originator

import "time"

// Asleep is known of Linux alone.
func Asleep() time.Duration { return 0 }
