package listen

import "time"

// once remembers notifications for a time, so that each is taken once.
type once struct {
	window time.Duration // between two of them
	times  *recent[uint64, time.Duration]
}

func newOnce(window time.Duration, most int) *once {
	return &once{window, newRecent[uint64, time.Duration](window, most)}
}

// first notes a notification by its hash, and reports whether it is the first one. In a cluster, now is when it was received, by
// whichever member.
func (o *once) first(hash uint64, now time.Duration) bool {
	o.times.turn(now)
	if o.knows(hash, now) {
		return false
	}
	o.times.put(hash, now, now)
	return true
}

// knows reports whether a notification was noted.
func (o *once) knows(hash uint64, now time.Duration) bool {
	at, known := o.times.get(hash)
	return known && (now-at).Abs() < o.window
}

// forget forgets a notification that could not be taken.
func (o *once) forget(hash uint64) { o.times.remove(hash) }
