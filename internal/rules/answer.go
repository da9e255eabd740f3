package rules

import (
	"context"
	"slices"

	"trapline/internal/rules/expression"
	"trapline/internal/rules/fleet"
)

// Answer answers the request of another member.
func (e *Evaluator) Answer(ctx context.Context, r *fleet.Request) (*fleet.Answer, error) {
	e.mu.Lock()
	polls := len(e.devices) > 0
	e.mu.Unlock()
	a := &fleet.Answer{}
	if !polls && r.Last() { // whatever rules it has, as a witness
		return a, nil
	}
	s := e.queryEngine.Load()
	if s == nil {
		return nil, errNotOpen
	}
	if len(r.Rows) > 0 {
		for i := range r.Rows {
			a.Rows = append(a.Rows, nil)
			if row, here := e.row(e.global, &r.Rows[i]); here != nil {
				a.Rows[i] = &row
			}
		}
		return a, nil
	}
	e.mu.Lock()
	since, err := e.known.Since(r)
	for name, d := range e.devices {
		if d.lastPoll.Load() > since {
			a.Polled = append(a.Polled, name)
		}
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	source := e.source(s)
	a.Series, err = source.Select(ctx, r)
	return a, err
}

// HeldRounds returns the groups of global rules whose last evaluation waits for the samples of other members.
func (e *Evaluator) HeldRounds() []fleet.Held {
	list, _ := e.rounds.Held()
	return list
}

// Window returns the request for the samples that rules look back at, of targets that are taken over; nil if no rule looks
// back.
func (e *Evaluator) Window(targets []string) *fleet.Request {
	e.mu.Lock()
	set := e.set
	e.mu.Unlock()
	r := &fleet.Request{Targets: targets, Since: e.read().Add(-set.Selectors.Window).UnixMilli()}
	for _, g := range set.Groups {
		for _, rule := range g.Rules {
			if rule.Window > 0 {
				r.Match = append(r.Match, expression.Texts(rule.Expr)...)
			}
		}
	}
	if len(r.Match) == 0 {
		return nil
	}
	slices.Sort(r.Match)
	r.Match = slices.Compact(r.Match)
	return r
}

// Restore stores the samples of targets that were taken over, before their first poll.
func (e *Evaluator) Restore(a *fleet.Answer) error {
	s := e.queryEngine.Load()
	if s == nil {
		return errNotOpen
	}
	return fleet.Restore(s.store.appender(), a, e.now().UnixMilli(), e.clock.Ahead(e.read()).Milliseconds())
}
