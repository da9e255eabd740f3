package client

import "time"

// capacity is how many bindings an agent can put into one answer, where that is fewer than fill a
// packet: some say tooBig, some cut the answer short, and some say nothing at all.
type capacity struct {
	max         int           // bindings; 0 means no limit was met
	since       time.Duration // when most was set, or last raised
	maxAnswered int           // bindings that were asked for in a request that was answered in full
}

// relax raises the limit by an eighth for each day that passed, so that a device which can do better
// after an upgrade is found out.
func (c *capacity) relax(now time.Duration) {
	for ; c.max > 0 && now-c.since >= 24*time.Hour; c.since += 24 * time.Hour {
		c.max += max(c.max/8, 1)
	}
}

// limit notes that the agent cannot answer to more than so many bindings.
func (c *capacity) limit(bindings int, now time.Duration) {
	if c.max == 0 || bindings < c.max {
		c.max, c.since = max(bindings, 1), now
	}
}

// answered notes that a request was answered in full.
func (c *capacity) answered(bindings int) { c.maxAnswered = max(c.maxAnswered, bindings) }

// silentAbove notes that a request for so many bindings was answered only after it had been made
// smaller. That may be chance, unless no request as large was ever answered.
func (c *capacity) silentAbove(asked, answered int, now time.Duration) {
	if asked > c.maxAnswered {
		c.limit(answered, now)
	}
}

// cap bounds a number of bindings.
func (c *capacity) cap(bindings int) int {
	if c.max > 0 {
		return min(bindings, c.max)
	}
	return bindings
}
