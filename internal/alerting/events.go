package alerting

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/setting"
)

// maxEvents is how many events an answer has at most.
const (
	maxEvents     = 10_000
	defaultEvents = 100
)

// Events returns the events that q selects, the newest first. Words and labels are looked for as far back as that can be
// done in a few seconds.
func (c *Console) Events(q api.EventQuery) ([]api.Event, error) {
	page, err := c.page(&q)
	return page.Entries, err
}

// History returns a page of the events that q selects, the newest first.
func (c *Console) History(q api.EventQuery) (h api.History, err error) {
	page, err := c.page(&q)
	if h.Entries = page.Entries; page.Next > 0 {
		h.Cursor = strconv.FormatUint(page.Next, 10)
	}
	return h, err
}

func (c *Console) page(q *api.EventQuery) (journal.Page, error) {
	j, err := journalQuery(q)
	if err != nil {
		return journal.Page{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), searchWait)
	defer cancel()
	leave, err := c.search(ctx, &j)
	if err != nil {
		return journal.Page{Entries: []api.Event{}}, errSearches()
	}
	defer leave()
	return c.read(j)
}

// search waits until fewer than maxSearches for words and labels are under way. Other queries do not wait.
func (c *Console) search(ctx context.Context, j *journal.Query) (leave func(), err error) {
	if j.Match == nil && len(j.Matchers) == 0 {
		return func() {}, nil
	}
	return c.enter(ctx)
}

func (c *Console) read(j journal.Query) (journal.Page, error) {
	page := journal.Page{Entries: []api.Event{}}
	if c.Journal() == nil {
		return page, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), searchTime)
	defer cancel()
	found, err := c.Journal().Page(ctx, j)
	found.Entries = append(page.Entries, found.Entries...)
	return found, err
}

// journalQuery is the query as the journal has it.
func journalQuery(q *api.EventQuery) (journal.Query, error) {
	j := journal.Query{
		Alarm: q.Alarm, Rule: q.Rule, Target: q.Target, Receiver: q.Receiver, Kind: q.Kind,
		Since: q.Since, Until: q.Until, After: q.After, Before: q.Before, Limit: min(q.Limit, maxEvents),
	}
	if j.Limit <= 0 {
		j.Limit = defaultEvents
	}
	f, err := newFilter(q.Text, q.Match)
	if q.Cursor != "" {
		var wrong error
		if j.Before, wrong = strconv.ParseUint(q.Cursor, 10, 64); wrong != nil {
			err = cmp.Or(err, api.Errorf(api.ErrBadRequest, "cursor: %.100q is none of an answer", q.Cursor))
		}
	}
	err = cmp.Or(err, checkKinds(q.Kind, f.matchers))
	if j.Matchers = f.matchers; len(f.words) > 0 {
		j.Match = func(e *journal.Event) bool {
			return f.hasWords(e.Rule, e.Target, e.Resource, e.Receiver, e.Text, e.Reason)
		}
	}
	return j, err
}

// checkKinds returns an error of a kind that no entry has, alone or as an exact matcher.
func checkKinds(kind string, matchers mute.Matchers) error {
	kinds := []string{kind}
	for _, m := range matchers {
		if m.Name == "kind" && mute.IsExact(m) {
			kinds = append(kinds, m.Value)
		}
	}
	for _, k := range kinds {
		if k != "" && !slices.Contains(journal.Kinds, k) {
			hint := "kinds are " + strings.Join(journal.Kinds, ", ")
			if near := setting.DidYouMean(k, journal.Kinds); near != "" {
				hint = near + " " + hint
			}
			return api.WithHint(api.Errorf(api.ErrBadRequest, "unknown kind %.100q", k), hint)
		}
	}
	return nil
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
// returns an error. With a limit it begins with so many of the newest ones.
func (c *Console) Follow(ctx context.Context, q api.EventQuery, event func(api.Event) error) error {
	j, first, err := c.begin(q)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(first) {
		if err := event(e); err != nil {
			return err
		}
	}
	for catchesUp := true; ctx.Err() == nil; {
		at := c.storage.Load()
		changed := at.journal.Changed()
		more, err := c.forward(ctx, &j, catchesUp, event)
		if err != nil {
			return err
		}
		if catchesUp = more; more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-at.replaced:
			j.After = c.Journal().Last() // which numbers entries by itself
		}
	}
	return nil
}

// begin returns the first entries for a follower, the newest first, and the query for all that follow.
func (c *Console) begin(q api.EventQuery) (j journal.Query, first []api.Event, err error) {
	last := c.Journal().Last()
	if q.Limit > 0 {
		q.Before = last + 1
		if first, err = c.Events(q); err != nil {
			return j, nil, err
		}
	}
	j, err = journalQuery(&q)
	if q.Limit > 0 || q.After == 0 && q.Since.IsZero() {
		j.After, j.Since = max(q.After, last), time.Time{}
	}
	j.Before, j.Limit, j.Forward = 0, maxEvents, true
	return j, first, err
}

// forward calls event for a page of entries, and has the query go on behind it. Whoever catches up with the journal waits
// until few do.
func (c *Console) forward(ctx context.Context, j *journal.Query, catchesUp bool, event func(api.Event) error) (more bool, err error) {
	leave := func() {}
	if catchesUp {
		if leave, err = c.search(ctx, j); err != nil {
			return false, nil // the follower has gone
		}
	}
	page, err := c.read(*j)
	leave()
	for i := range page.Entries {
		if err := event(page.Entries[i]); err != nil {
			return false, err
		}
	}
	if j.After = max(j.After, page.Last); page.Next > 0 {
		j.After = page.Next
	}
	return page.Next > 0, err
}
