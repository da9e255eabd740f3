package listen

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"trapline/internal/relay"
)

// sequence has when the last notification about each condition was received, by the hash of its source. In a cluster an earlier one may come
// later: another member has received it, and could not hand it on.
type sequence struct{ receptions }

func newSequence(most int) *sequence {
	return &sequence{receptions{times: newRecent(relay.TrapTime, most)}}
}

// overtaken notes a notification about a condition, and reports whether a later one has come before it. A nil one knows none.
func (s *sequence) overtaken(source string, r reception, now time.Duration) bool {
	if s == nil {
		return false
	}
	sum := sha256.Sum256([]byte(source)) // which is the same in all processes
	key := binary.BigEndian.Uint64(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.times.get(key); known && r.at < last.at {
		return true
	}
	s.times.put(key, r, now)
	return false
}
