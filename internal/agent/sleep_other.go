//go:build !linux

package agent

import "time"

func preciseSleep(d time.Duration) { time.Sleep(d) }
