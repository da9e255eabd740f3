package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/httpserver"
	"trapline/internal/journal"
)

// eventQuery reads a query. Times are as RFC 3339 has them, or how long ago, such as 24h or 7d.
func eventQuery(r *http.Request) (q EventQuery, err error) {
	q = EventQuery{
		Text: r.FormValue("q"), Alarm: r.FormValue("alarm"), Target: r.FormValue("target"), Receiver: r.FormValue("receiver"),
		Rule: r.FormValue("rule"), Kind: r.FormValue("kind"),
	}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if *to, err = moment(r.FormValue(name), time.Now()); err != nil {
			return q, &Hinted{of(ErrBadRequest, "%s: %w", name, err), "write 24h, 7d or 2026-11-26T14:00:00Z"}
		}
	}
	for name, to := range map[string]*uint64{"after": &q.After, "cursor": &q.Before} {
		if text := r.FormValue(name); text != "" {
			if *to, err = strconv.ParseUint(text, 10, 64); err != nil {
				return q, of(ErrBadRequest, "%s: %q is not the seq of an event", name, text)
			}
		}
	}
	q.Limit, _ = strconv.Atoi(r.FormValue("limit"))
	return q, nil
}

// moment reads a time, or how long ago it was. Empty text is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time", text)
}

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
func (a *API) Events(q EventQuery) ([]Event, error) {
	if q.Text == "" {
		return a.events(q)
	}
	timer := time.NewTimer(searchWait)
	defer timer.Stop()
	select {
	case a.searching <- struct{}{}:
		defer func() { <-a.searching }()
		return a.events(q)
	case <-timer.C:
		return []Event{}, &Hinted{of(ErrBusy, "%d searches in the journal are under way", maxSearches), "Try again when one of them has ended"}
	}
}

func (a *API) events(q EventQuery) ([]Event, error) {
	events := []Event{}
	if a.journal() == nil {
		return events, nil
	}
	j, err := q.journal()
	if err != nil {
		return events, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), searchTime)
	defer cancel()
	entries, err := a.journal().Query(ctx, j)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	for _, e := range entries {
		events = append(events, Event(e))
	}
	return events, err
}

// journal is the query as the journal has it.
func (q *EventQuery) journal() (journal.Query, error) {
	j := journal.Query{
		Alarm: q.Alarm, Rule: q.Rule, Target: q.Target, Receiver: q.Receiver, Kind: q.Kind,
		Since: q.Since, Until: q.Until, After: q.After, Before: q.Before, Limit: min(q.Limit, maxEvents),
	}
	if j.Limit <= 0 {
		j.Limit = defaultEvents
	}
	fields := map[string]*string{"alarm": &j.Alarm, "rule": &j.Rule, "alertname": &j.Rule, "target": &j.Target, "receiver": &j.Receiver, "kind": &j.Kind}
	var rest []term
	for _, t := range terms(q.Text) {
		switch to := fields[t.key]; {
		case to != nil && !t.not:
			*to = t.value
		case to != nil || t.key == "" || t.key == "severity" || t.key == "event":
			rest = append(rest, t)
		default:
			return j, &Hinted{of(ErrBadRequest, "events have no %s", t.key), "write words, or one of alarm, rule, target, receiver, kind, severity and event with = and its value"}
		}
	}
	if len(rest) > 0 {
		j.Match = func(e *journal.Entry) bool { return matchesEntry(rest, e) }
	}
	return j, nil
}

func matchesEntry(list []term, e *journal.Entry) bool {
	fields := map[string]string{
		"event": e.Event, "severity": e.Severity, "alarm": e.Alarm, "rule": e.Rule, "alertname": e.Rule, "target": e.Target, "receiver": e.Receiver, "kind": e.Kind,
	}
	return fulfils(list, func(key, value string) bool { return fields[key] == value }, e.Rule, e.Target, e.Resource, e.Receiver, e.Text, e.Reason)
}

// maxFollowers is how many may follow events at once.
const maxFollowers = 64

// Follow calls event for the events that q selects, the oldest first, and then for those that come, until ctx ends
// or event returns an error. Without bounds in q it begins with those that come.
func (a *API) Follow(ctx context.Context, q EventQuery, event func(Event) error) error {
	leave, err := a.enter()
	if err != nil {
		return err
	}
	defer leave()
	return a.follow(ctx, q, event)
}

// enter counts who follows events.
func (a *API) enter() (leave func(), err error) {
	if a.journal() == nil {
		return nil, of(ErrUnavailable, "there is no journal")
	}
	leave = func() { a.followers.Add(-1) }
	if a.followers.Add(1) > maxFollowers {
		leave()
		return nil, of(ErrUnavailable, "%d clients follow the events already", maxFollowers)
	}
	return leave, nil
}

func (a *API) follow(ctx context.Context, q EventQuery, event func(Event) error) error {
	if q.After == 0 && q.Since.IsZero() && q.Limit == 0 {
		q.After = a.journal().Last()
	}
	for {
		at := a.kept.Load()
		changed := at.journal.Changed()
		events, err := a.events(q)
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
		case <-at.moved:
			q.After = a.journal().Last() // which numbers entries by itself
		}
	}
}

// serveEvents answers with events, or streams them.
func (a *API) serveEvents(w http.ResponseWriter, r *http.Request) {
	q, err := eventQuery(r)
	if err == nil && r.FormValue("follow") != "" {
		if err = a.stream(w, r, q); err == nil {
			return
		}
	}
	var events []Event
	if err == nil {
		events, err = a.Events(q)
	}
	if err != nil {
		Refuse(w, err)
		return
	}
	write(w, http.StatusOK, &envelope{Status: "success", Data: events})
}

// stream writes events as lines of JSON until the client goes. It returns an error only if nothing was written.
func (a *API) stream(w http.ResponseWriter, r *http.Request, q EventQuery) error {
	leave, err := a.enter()
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out := httpserver.Stream(w)
	if _, err := out.Write(nil); err != nil { // the client learns at once that it is answered
		return nil
	}
	lines := json.NewEncoder(out)
	_ = a.follow(r.Context(), q, func(e Event) error { return lines.Encode(e) }) // the client has gone
	return nil
}
