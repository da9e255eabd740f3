package poller

import (
	"context"
	"sync"
	"time"
)

// slots bounds the passes over devices that are not expected to answer, from their beginning to the first
// answer: how many wait at once, and how many begin in a second.
type slots struct {
	taken chan struct{} // has an element for each pass

	mu   sync.Mutex
	next time.Time // when the next pass may begin
}

const (
	// These bound the memory of passes that wait for a first answer, some 20 kB each. At a cold start 200
	// of them begin in a second.
	maxNewcomers, maxUnresponsive = 16384, 8192
	// silentSpacing is the least time between the beginnings of such passes: after a standstill all of
	// them are due at once.
	silentSpacing = 500 * time.Microsecond
)

func newSlots(size int) *slots { return &slots{taken: make(chan struct{}, size)} }

// enter waits for a slot and for the pass's turn, and reports whether ctx was not canceled before.
func (l *slots) enter(ctx context.Context) bool {
	select {
	case l.taken <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	wait := l.turn(time.Now())
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		l.leave()
		return false
	}
}

// turn is how long the next pass has to wait.
func (l *slots) turn(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next.Before(now) {
		l.next = now
	}
	at := l.next
	l.next = at.Add(silentSpacing)
	return at.Sub(now)
}

func (l *slots) leave() { <-l.taken }
