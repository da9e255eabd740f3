package rules

import (
	"context"

	"trapline/internal/rules/fleet"
)

// Answer answers the request of another member.
func (e *Evaluator) Answer(ctx context.Context, r *fleet.Request) (*fleet.Answer, error) {
	s := e.queryEngine.Load()
	if s == nil {
		return nil, errNotOpen
	}
	a := &fleet.Answer{}
	e.mu.Lock()
	for name, d := range e.devices {
		if d.lastPoll.Load() > 0 {
			a.Polled = append(a.Polled, name)
		}
	}
	e.mu.Unlock()
	source := e.source(s)
	var err error
	a.Series, err = source.Select(ctx, r)
	return a, err
}

// HeldRounds returns the groups of global rules whose last evaluation waits for the samples of other members.
func (e *Evaluator) HeldRounds() []fleet.Held {
	list, _ := e.rounds.Held()
	return list
}
