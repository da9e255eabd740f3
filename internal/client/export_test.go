package client

import (
	"context"
	"runtime"
	"time"
)

// TurnClock moves what t believes the agent's clock to show, as if that had been set back or forth.
func (t *Target) TurnClock(d time.Duration) {
	known := *t.usm.known
	known.time += uint32(d / time.Second)
	t.usm.known = &known
}

// Rest makes the last poll as long ago as d says.
func (t *Target) Rest(d time.Duration) {
	known := *t.usm.known
	known.time -= uint32(d / time.Second)
	known.at = known.at.Add(-d)
	t.usm.known = &known
}

// Boots is what t believes to be the boots of the agent's engine; 0 when it knows none.
func (t *Target) Boots() uint32 {
	t.pipe.lock()
	defer t.pipe.unlock()
	if t.device != nil && t.device.peer.v3 != nil {
		return uint32(t.device.peer.v3.clock.Boots)
	}
	if t.usm.known == nil {
		return 0
	}
	return t.usm.known.boots
}

// Remember makes e forget all but the n targets that were used last.
func (e *Client) Remember(n int) { e.maxTargets = n }

// ForgetRefusal makes the last refusal of t's user as long ago as d says.
func (t *Target) ForgetRefusal(d time.Duration) {
	t.client.pipe.mu.Lock()
	defer t.client.pipe.mu.Unlock()
	if t.device != nil {
		t.device.peer.v3.since -= d
		return
	}
	known := *t.usm.known
	known.refused = known.refused.Add(-d)
	t.usm.known = &known
}

// AwaitWaiting returns when so many polls have requests that were not sent.
func (t *Target) AwaitWaiting(ctx context.Context, polls int) {
	for ctx.Err() == nil {
		t.client.pipe.mu.Lock()
		waiting := map[*Stats]bool{}
		for _, q := range t.device.peer.waiting {
			waiting[q.stats] = true
		}
		t.client.pipe.mu.Unlock()
		if len(waiting) >= polls {
			return
		}
		runtime.Gosched()
	}
}
