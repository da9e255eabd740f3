//go:build !linux

package originator

import "time"

// Asleep returns 0: the time is known on Linux only.
func Asleep() time.Duration { return 0 }
