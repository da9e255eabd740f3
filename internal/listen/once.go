package listen

import "time"

// once remembers notifications for a time, so that each is taken once.
type once struct {
	receptions
	window time.Duration // between two of them
}

func newOnce(window time.Duration, most int) *once {
	return &once{receptions{times: newRecent(window, most)}, window}
}

// first notes a notification by its hash, and reports whether it is the first one that was received about that time.
func (o *once) first(hash uint64, r reception) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.times.turn(r.at)
	if o.has(hash, r.at) {
		return false
	}
	o.times.put(hash, r, r.at)
	return true
}

// knows reports whether a notification was noted.
func (o *once) knows(hash uint64, at time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.has(hash, at)
}

// has is the same for callers that hold mu.
func (o *once) has(hash uint64, at time.Duration) bool {
	r, known := o.times.get(hash)
	return known && (at-r.at).Abs() < o.window
}

// forget forgets a notification that could not be taken.
func (o *once) forget(hash uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.times.remove(hash)
}
