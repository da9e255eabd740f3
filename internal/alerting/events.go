package alerting

import (
	"context"
	"errors"
	"slices"
	"time"

	"trapline/internal/api"
	"trapline/internal/journal"
)

// maxEvents is how many events an answer has at most, searchTime how long they are looked for.
const (
	maxEvents     = 10_000
	defaultEvents = 100
	searchTime    = 5 * time.Second
	// maxSearches is how many searches for words run at once, searchWait how long others wait.
	maxSearches = 4
	searchWait  = time.Second
)

// Events returns the events that q selects, the newest first. Words are looked for as far back as that can be done in
// a few seconds.
func (c *Console) Events(q api.EventQuery) ([]api.Event, error) {
	if q.Text == "" {
		return c.events(q)
	}
	timer := time.NewTimer(searchWait)
	defer timer.Stop()
	select {
	case c.searching <- struct{}{}:
		defer func() { <-c.searching }()
		return c.events(q)
	case <-timer.C:
		return []api.Event{}, api.WithHint(api.Errorf(api.ErrBusy, "%d searches in the journal are under way", maxSearches), "Try again when one of them has ended")
	}
}

func (c *Console) events(q api.EventQuery) ([]api.Event, error) {
	events := []api.Event{}
	if c.Journal() == nil {
		return events, nil
	}
	j, err := journalQuery(&q)
	if err != nil {
		return events, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), searchTime)
	defer cancel()
	entries, err := c.Journal().Query(ctx, j)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return append(events, entries...), err
}

// journal is the query as the journal has it.
func journalQuery(q *api.EventQuery) (journal.Query, error) {
	j := journal.Query{
		Alarm: q.Alarm, Rule: q.Rule, Target: q.Target, Receiver: q.Receiver, Kind: q.Kind,
		Since: q.Since, Until: q.Until, After: q.After, Before: q.Before, Limit: min(q.Limit, maxEvents),
	}
	if j.Limit <= 0 {
		j.Limit = defaultEvents
	}
	fields := map[string]*string{"alarm": &j.Alarm, "rule": &j.Rule, "alertname": &j.Rule, "target": &j.Target, "receiver": &j.Receiver, "kind": &j.Kind}
	var rest []api.Term
	for _, t := range api.ParseTerms(q.Text) {
		switch to := fields[t.Key]; {
		case to != nil && !t.Not:
			*to = t.Value
		case to != nil || t.Key == "" || t.Key == "severity" || t.Key == "event":
			rest = append(rest, t)
		default:
			return j, api.WithHint(api.Errorf(api.ErrBadRequest, "events have no %s", t.Key), "write words, or one of alarm, rule, target, receiver, kind, severity and event with = and its value")
		}
	}
	if len(rest) > 0 {
		j.Match = func(e *journal.Event) bool { return matchesEntry(rest, e) }
	}
	return j, nil
}

func matchesEntry(list []api.Term, e *journal.Event) bool {
	fields := map[string]string{
		"event": e.Event, "severity": e.Severity, "alarm": e.Alarm, "rule": e.Rule, "alertname": e.Rule, "target": e.Target, "receiver": e.Receiver, "kind": e.Kind,
	}
	return api.Fulfills(list, func(key, value string) bool { return fields[key] == value }, e.Rule, e.Target, e.Resource, e.Receiver, e.Text, e.Reason)
}

// maxFollowers is how many may follow events at once.
const maxFollowers = 64

// Subscribe counts who follows events.
func (c *Console) Subscribe() (leave func(), err error) {
	if c.Journal() == nil {
		return nil, api.Errorf(api.ErrUnavailable, "there is no journal")
	}
	leave = func() { c.followers.Add(-1) }
	if c.followers.Add(1) > maxFollowers {
		leave()
		return nil, api.Errorf(api.ErrUnavailable, "%d clients follow the events already", maxFollowers)
	}
	return leave, nil
}

// Follow calls event for each entry that q selects, the oldest first, and waits for more until ctx is canceled or event
// returns an error.
func (c *Console) Follow(ctx context.Context, q api.EventQuery, event func(api.Event) error) error {
	if q.After == 0 && q.Since.IsZero() && q.Limit == 0 {
		q.After = c.Journal().Last()
	}
	for {
		at := c.storage.Load()
		changed := at.journal.Changed()
		events, err := c.events(q)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(events) {
			if err := event(e); err != nil {
				return err
			}
			q.After = e.Seq
		}
		q.Limit, q.Since = maxEvents, time.Time{} // of a burst the newest
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-at.replaced:
			q.After = c.Journal().Last() // which numbers entries by itself
		}
	}
}
