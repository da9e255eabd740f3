package cluster

import "time"

// takes says how many shards are taken at once: as many as the engine answers well in time. If more were, all of their requests would
// be late, and asked again, and none would ever be taken: the engine goes on with requests that nobody waits for any more.
type takes struct {
	wait    time.Duration // for an answer
	most    int
	soon    int           // answers since most has changed
	lowered time.Duration // when most was, by the clock of the cluster
}

// Bounds of that: a take waits for several answers of the engine.
const (
	firstTakes = 16
	maxTakes   = 64
)

// An answer is soon, or slow, if it took less or more than these parts of the wait. A slow one counts for several waits.
const (
	soonPart = 4
	slowPart = 2
	calm     = 10
)

func newTakes(wait time.Duration) takes {
	return takes{wait: wait, most: firstTakes, lowered: -2 * calm * wait}
}

// answered notes how long an answer took.
func (t *takes) answered(now, took time.Duration) {
	switch {
	case took > t.wait/slowPart:
		t.lower(now, t.most-1)
	case took < t.wait/soonPart:
		// Each adds one, or if one was slow, each round of them.
		if t.soon++; now-t.lowered > calm*t.wait || t.soon >= t.most {
			t.most, t.soon = min(t.most+1, maxTakes), 0
		}
	}
}

// late notes that there was no answer in time.
func (t *takes) late(now time.Duration) { t.lower(now, t.most/2) }

// lower lowers the bound, once for all that are under way: they are late for the same reason.
func (t *takes) lower(now time.Duration, to int) {
	if t.soon = 0; now-t.lowered >= t.wait {
		t.most, t.lowered = max(to, 1), now
	}
}
