package poller

import (
	"context"
	"errors"
)

// ErrNoTarget is returned of names that no target has.
var ErrNoTarget = errors.New("no such target")

// PollNow has a target polled at once, by a poll of the schedule, and returns when that has ended. A poll that
// runs is joined: there is one at a time. The time of the next one is counted from here. It returns the cause
// why ctx ended first.
func (p *Poller) PollNow(ctx context.Context, name string) error {
	ended, err := p.hasten(name)
	if err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hasten makes a target due, unless a poll of it runs, and returns a channel that is closed when its poll has ended.
func (p *Poller) hasten(name string) (ended <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.states[name]
	if !ok {
		return nil, ErrNoTarget
	}
	ended = s.awaitEnd()
	if s.running.Load() {
		return ended, nil
	}
	p.schedule.hasten(s, p.clock.now())
	p.wake()
	return ended, nil
}
