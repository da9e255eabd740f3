package sweep

import (
	"context"
	"sync"
	"time"
)

// Pacer spreads datagrams over time.
type Pacer struct {
	rate int // a second

	mu   sync.Mutex
	next time.Time
}

// NewPacer returns a pacer of so many datagrams a second.
func NewPacer(rate int) *Pacer { return &Pacer{rate: max(1, rate)} }

// burst is how long a pacer may have been idle and still make up for it.
const burst = 5 * time.Millisecond

// Wait waits until n datagrams may be sent.
func (p *Pacer) Wait(ctx context.Context, n int) error {
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-burst); p.next.Before(earliest) {
		p.next = earliest
	}
	at := p.next
	p.next = at.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	p.mu.Unlock()
	wait := at.Sub(now)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// batch is how many datagrams are sent at once: those of burst.
func (p *Pacer) batch(limit int) int {
	return min(limit, max(1, int(int64(p.rate)*int64(burst)/int64(time.Second))))
}
