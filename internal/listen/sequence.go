package listen

import (
	"sync"
	"time"

	"trapline/internal/relay"
)

// sequence has when the last notification about each condition was received, by source. In a cluster an earlier one may come later:
// another member has received it, and could not hand it on. All workers share it: a device may have several addresses.
type sequence struct {
	mu   sync.Mutex
	last *recent[string, time.Time]
}

func newSequence(most int) *sequence {
	return &sequence{last: newRecent[string, time.Time](relay.TrapTime, most)}
}

// overtaken notes a notification that was received at a time, and reports whether a later one has come before it. A nil one knows none.
func (s *sequence) overtaken(source string, at time.Time, now time.Duration) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.last.get(source); known && at.Before(last) {
		return true
	}
	s.last.put(source, at, now)
	return false
}
