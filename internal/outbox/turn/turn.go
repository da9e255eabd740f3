// Package turn has a lock for which others may wait for a bounded time.
package turn

import "context"

// Turn is a lock. One that is held keeps nobody waiting who gives up.
type Turn chan struct{}

// New returns a lock that nobody holds.
func New() Turn { return make(Turn, 1) }

// Lock reports whether it has locked it, before the end of ctx.
func (t Turn) Lock(ctx context.Context) bool {
	if t.TryLock() {
		return true
	}
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// TryLock reports whether it has locked it, without waiting.
func (t Turn) TryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock unlocks it.
func (t Turn) Unlock() { <-t }
