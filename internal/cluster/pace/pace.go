// Package pace says how many requests are sent at once.
package pace

import "time"

// Takes says how many shards are taken at once: as many as the engine answers well in time. If more were, all of their requests would
// be late, and asked again, and none would ever be taken: the engine goes on with requests that nobody waits for any more.
type Takes struct {
	wait    time.Duration // for an answer
	most    int
	soon    int           // answers since most has changed
	lowered time.Duration // when most was, by the clock of the cluster
}

// Most is the greatest number of takes, firstTakes the first: a take waits for several answers of the engine.
const (
	firstTakes = 16
	Most       = 64
)

// An answer is soon, or slow, if it took less or more than these parts of the wait. A slow one counts for several waits.
const (
	soonPart = 4
	slowPart = 2
	calm     = 10
)

// New returns the number of takes that each wait so long for an answer.
func New(wait time.Duration) Takes {
	return Takes{wait: wait, most: firstTakes, lowered: -2 * calm * wait}
}

// Now returns how many takes may be under way.
func (t *Takes) Now() int { return t.most }

// Answered notes how long an answer took.
func (t *Takes) Answered(now, took time.Duration) {
	switch {
	case took > t.wait/slowPart:
		t.lower(now, t.most-1)
	case took < t.wait/soonPart:
		// Each adds one, or if one was slow, each round of them.
		if t.soon++; now-t.lowered > calm*t.wait || t.soon >= t.most {
			t.most, t.soon = min(t.most+1, Most), 0
		}
	}
}

// Late notes that there was no answer in time.
func (t *Takes) Late(now time.Duration) { t.lower(now, t.most/2) }

// lower lowers the bound, once for all that are under way: they are late for the same reason.
func (t *Takes) lower(now time.Duration, to int) {
	if t.soon = 0; now-t.lowered >= t.wait {
		t.most, t.lowered = max(to, 1), now
	}
}
