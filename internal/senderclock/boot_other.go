//go:build !linux

package senderclock

import "time"

// boot returns nothing: the time since the boot is known on Linux only.
func boot() (id string, since time.Duration) { return "", 0 }
