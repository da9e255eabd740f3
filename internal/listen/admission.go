package listen

import (
	"net/netip"
	"sync"
	"time"

	"trapline/internal/traps"
)

// buckets bound the datagrams of each sender: a token is added rate times a second, up to a burst.
type buckets struct {
	mu    sync.Mutex
	of    map[netip.Addr]bucket
	swept time.Duration
}

type bucket struct {
	tokens float64
	at     time.Duration
}

// maxBuckets bounds the senders that are remembered and no targets. Those whose bucket is full need not be.
const maxBuckets = 1 << 16

// take takes a token of a sender. It returns false if there is none. However many others send, there is room for a target.
func (b *buckets) take(sender netip.Addr, rate float64, now time.Duration, targets *traps.Owners) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, known := b.of[sender]
	if !known {
		if !b.room(rate, now) && !targets.Has(sender) {
			return false
		}
		one = bucket{burst * rate, now}
	}
	one.tokens = min(burst*rate, one.tokens+rate*(now-one.at).Seconds())
	one.at = now
	ok := one.tokens >= 1
	if ok {
		one.tokens--
	}
	b.of[sender] = one
	return ok
}

// requestCost is the part of a token that a request of a user with authentication takes: a manager that walks a table
// sends as fast as it is answered. It is not 0, because a recorded request can be sent again for 150 s.
const requestCost = 0.1

// refund returns the rest of the token of such a request.
func (b *buckets) refund(sender netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one, known := b.of[sender]; known {
		one.tokens += 1 - requestCost
		b.of[sender] = one
	}
}

// room reports whether one more sender can be remembered, after those were forgotten whose bucket is full again. It
// looks for these once a second at most.
func (b *buckets) room(rate float64, now time.Duration) bool {
	if b.of == nil {
		b.of = map[netip.Addr]bucket{}
	}
	if len(b.of) < maxBuckets {
		return true
	}
	if now-b.swept < time.Second {
		return false
	}
	b.swept = now
	for sender, one := range b.of {
		if one.tokens+rate*(now-one.at).Seconds() >= burst*rate {
			delete(b.of, sender)
		}
	}
	return len(b.of) < maxBuckets
}
