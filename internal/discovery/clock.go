package discovery

import "time"

// alarmClock rings at the earliest of the moments that it was set to.
type alarmClock struct {
	*time.Timer
	at time.Time
}

func newAlarmClock() *alarmClock { return &alarmClock{time.NewTimer(0), time.Now()} }

func (c *alarmClock) set(wait time.Duration) {
	c.at = time.Now().Add(wait)
	c.Reset(wait)
}

// hasten has the clock ring after wait at the latest.
func (c *alarmClock) hasten(wait time.Duration) {
	if time.Until(c.at) > wait {
		c.set(wait)
	}
}
