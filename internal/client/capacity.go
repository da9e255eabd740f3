package client

import "time"

// capacity is how many bindings an agent can put into one answer, where that is fewer than fill a
// packet: some say tooBig, some cut the answer short, and some say nothing at all.
type capacity struct {
	most    int           // bindings; 0 means no limit was met
	since   time.Duration // when most was set, or last raised
	largest int           // bindings that were asked for in a request that was answered in full
}

// relax raises the limit by an eighth for each day that passed, so that a device which can do better
// after an upgrade is found out.
func (c *capacity) relax(now time.Duration) {
	for ; c.most > 0 && now-c.since >= 24*time.Hour; c.since += 24 * time.Hour {
		c.most += max(c.most/8, 1)
	}
}

// limit notes that the agent cannot answer to more than so many bindings.
func (c *capacity) limit(bindings int, now time.Duration) {
	if c.most == 0 || bindings < c.most {
		c.most, c.since = max(bindings, 1), now
	}
}

// answered notes that a request was answered in full.
func (c *capacity) answered(bindings int) { c.largest = max(c.largest, bindings) }

// silentAbove notes that a request for so many bindings was answered only after it had been made
// smaller. That may be chance, unless no request as large was ever answered.
func (c *capacity) silentAbove(asked, answered int, now time.Duration) {
	if asked > c.largest {
		c.limit(answered, now)
	}
}

// cap bounds a number of bindings.
func (c *capacity) cap(bindings int) int {
	if c.most > 0 {
		return min(bindings, c.most)
	}
	return bindings
}
