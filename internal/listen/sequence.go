package listen

import (
	"time"

	"trapline/internal/relay"
)

// sequence has when the last notification about each condition was received. In a cluster an earlier one may come later: another member has
// received it, and could not hand it on.
type sequence struct {
	young, old map[string]time.Time // by source
	begun      time.Duration        // when young began
	most       int                  // of each generation
}

func newSequence(most int) *sequence { return &sequence{young: map[string]time.Time{}, most: most} }

// overtaken notes a notification that was received at a time, and reports whether a later one has come before it. A nil one knows none.
func (s *sequence) overtaken(source string, at time.Time, now time.Duration) bool {
	if s == nil {
		return false
	}
	last, known := s.young[source]
	if !known {
		last = s.old[source]
	}
	if at.Before(last) {
		return true
	}
	if now-s.begun >= relay.TrapTime || len(s.young) >= s.most {
		s.old, s.young, s.begun = s.young, map[string]time.Time{}, now
	}
	s.young[source] = at
	return false
}
