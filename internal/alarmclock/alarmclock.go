// Package alarmclock has timers that ring at the earliest of several moments.
package alarmclock

import "time"

// Clock rings at the earliest of the moments that it was set to.
type Clock struct {
	*time.Timer
	at time.Time
}

// New returns a clock that rings at once.
func New() *Clock { return &Clock{time.NewTimer(0), time.Now()} }

// Set has the clock ring after wait.
func (c *Clock) Set(wait time.Duration) {
	c.at = time.Now().Add(wait)
	c.Reset(wait)
}

// Hasten has the clock ring after wait at the latest.
func (c *Clock) Hasten(wait time.Duration) {
	if time.Until(c.at) > wait {
		c.Set(wait)
	}
}
