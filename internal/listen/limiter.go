package listen

import (
	"fmt"
	"sync"
	"time"
)

// notesPerSecond is how many notifications are entries of the journal in a second. Metrics count all.
const notesPerSecond = 50

// limiter lets a number of events a second through, and counts the others.
type limiter struct {
	most int

	mu      sync.Mutex
	second  int64
	n, more int
}

func newLimiter(most int) *limiter { return &limiter{most: most} }

// take reports whether an event is let through, and how many before it were not.
func (l *limiter) take(now time.Duration) (more int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if second := int64(now / time.Second); second != l.second {
		l.second, l.n = second, 0
	}
	if l.n >= l.most {
		l.more++
		return 0, false
	}
	l.n++
	more, l.more = l.more, 0
	return more, true
}

func moreText(n int) string { return fmt.Sprintf("%d more traps, which metrics count", n) }
