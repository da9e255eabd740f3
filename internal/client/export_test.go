package client

import (
	"context"
	"runtime"
	"time"

	"trapline/internal/gosnmpclient"
)

func (t *Target) gosnmp() *gosnmpclient.Target { return t.sessions.(*gosnmpclient.Target) }

// TurnClock changes the agent's clock as cached by t, as if it had been set.
func (t *Target) TurnClock(d time.Duration) { t.gosnmp().TurnClock(d) }

// Rest makes the last poll as long ago as d says.
func (t *Target) Rest(d time.Duration) { t.gosnmp().Rest(d) }

// Boots returns the cached boots of the agent's engine, or 0.
func (t *Target) Boots() uint32 {
	t.mux.Lock()
	defer t.mux.Unlock()
	if t.device != nil {
		_, boots, _, _ := t.device.peer.EngineLocked(t.mux.Now)
		return uint32(boots)
	}
	if t.sessions == nil {
		return 0
	}
	return t.gosnmp().Boots()
}

// Remember makes e forget all but the n targets that were used last.
func (e *Client) Remember(n int) { e.maxTargets = n }

// ForgetRefusal makes the last refusal of t's user as long ago as d says.
func (t *Target) ForgetRefusal(d time.Duration) {
	t.mux.Lock()
	defer t.mux.Unlock()
	if t.device != nil {
		t.device.peer.ForgetRefusalLocked(d)
		return
	}
	t.gosnmp().ForgetRefusal(d)
}

// AwaitWaiting returns when so many polls have requests that were not sent.
func (t *Target) AwaitWaiting(ctx context.Context, polls int) {
	for ctx.Err() == nil {
		t.mux.Lock()
		waiting := t.device.peer.WaitingPollsLocked()
		t.mux.Unlock()
		if waiting >= polls {
			return
		}
		runtime.Gosched()
	}
}
