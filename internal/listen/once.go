package listen

import "time"

// once remembers notifications for a time, so that each is taken once. It is bounded: with more notifications it
// remembers them for a shorter time.
type once struct {
	window     time.Duration // between two of them
	kept       time.Duration // of each generation
	most       int           // of each generation
	young, old map[uint64]time.Duration
	begun      time.Duration // when young began
}

func newOnce(window time.Duration, most int) *once {
	return &once{window: window, kept: window, most: most, young: map[uint64]time.Duration{}}
}

// first notes a notification by its hash, and reports whether it is the first one. In a cluster, now is when it was received, by
// whichever member.
func (o *once) first(hash uint64, now time.Duration) bool {
	if now-o.begun >= o.kept || len(o.young) >= o.most {
		o.old, o.young, o.begun = o.young, map[uint64]time.Duration{}, now
	}
	if o.knows(hash, now) {
		return false
	}
	o.young[hash] = now
	return true
}

// knows reports whether a notification was noted.
func (o *once) knows(hash uint64, now time.Duration) bool {
	at, known := o.young[hash]
	if !known {
		at, known = o.old[hash]
	}
	return known && (now-at).Abs() < o.window
}

// forget forgets a notification that could not be taken.
func (o *once) forget(hash uint64) {
	delete(o.young, hash)
	delete(o.old, hash)
}
