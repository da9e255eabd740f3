package client

import (
	"context"
	"fmt"
	"sync/atomic"

	"trapline/internal/access"
)

// turn has sessions follow each other strictly where that is wanted, whoever opens them.
type turn struct {
	exclusive atomic.Bool
	taken     chan struct{} // holds one value while a session has its turn
}

func newTurn() turn { return turn{taken: make(chan struct{}, 1)} }

// SetExclusive has the Client talk to one target at a time: a Poll begins once the one before has ended. Those
// under way when it is called go on.
func (e *Client) SetExclusive(exclusive bool) { e.turn.exclusive.Store(exclusive) }

// enter waits for the target's turn.
func (t *Target) enter(ctx context.Context) (leave func(), failed *access.Error) {
	turn := &t.client.turn
	if !turn.exclusive.Load() {
		return func() {}, nil
	}
	select {
	case turn.taken <- struct{}{}:
		return func() { t.hush(); <-turn.taken }, nil
	case <-ctx.Done():
		return nil, &access.Error{Reason: access.Canceled, Err: fmt.Errorf("not asked: others were being asked, and concurrency is 1: %w", ctx.Err())}
	}
}

// hush ends requests that a Poll left outstanding when it ended: a discovery or a probe.
func (t *Target) hush() {
	t.mux.Lock()
	defer t.mux.Unlock()
	if t.device != nil {
		t.mux.FailAllLocked(t.device.peer, &access.Error{Reason: access.Canceled, Err: context.Canceled})
	}
}
