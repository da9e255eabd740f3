package listen

import (
	"sync"
	"time"

	"trapline/internal/traps"
)

// echoes recognize the notifications that were passed on and come back from those to whom they were passed on: two that
// forward to each other would do so for ever. All workers share them, because an echo comes from another sender.
type echoes struct {
	mu     sync.Mutex
	passed *once
}

const (
	// echoWindow is how long an echo may take, as notifications may wait for a receiver.
	echoWindow = time.Hour
	// maxEchoes bounds the notifications of each generation that are remembered.
	maxEchoes = 100_000
)

func newEchoes() *echoes { return &echoes{passed: newOnce(echoWindow, 2*maxEchoes)} }

// has reports whether a notification is an echo: it was passed on, and has another sender than it had. A device may repeat
// itself, with the same sysUpTime if it does not count.
func (e *echoes) has(t *traps.Trap, now time.Duration) bool {
	named, bare, passed := t.Came()
	if !passed {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.from(named, now) || e.from(bare, now)
}

// from reports whether what has a fingerprint was passed on, and came from others.
func (e *echoes) from(f traps.Fingerprint, now time.Duration) bool {
	return e.passed.knows(f.Content, now) && !e.passed.knows(f.From, now)
}

// pass notes a notification that is passed on.
func (e *echoes) pass(t *traps.Trap, now time.Duration) {
	f := t.Leaves()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.passed.first(f.Content, reception{at: now})
	e.passed.first(f.From, reception{at: now})
}
