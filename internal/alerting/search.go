package alerting

import (
	"context"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/mute"
)

const (
	// searchTime is how long alarms or events are looked for.
	searchTime = 5 * time.Second
	// maxSearches is how many searches that take long run at once, searchWait how long others wait.
	maxSearches = 4
	searchWait  = time.Second
)

// enter waits until fewer than maxSearches are under way.
func (c *Console) enter(ctx context.Context) (leave func(), err error) {
	select {
	case c.searching <- struct{}{}:
		return func() { <-c.searching }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errSearches is the error of one search too many.
func errSearches() error {
	return api.WithHint(api.Errorf(api.ErrBusy, "%d searches are under way", maxSearches), "Try again when one of them has ended")
}

// bounded calls look with the alarms that matches selects. If a matcher is an expression, few do so at once, and it is an
// error if that takes longer than searchTime.
func (c *Console) bounded(matchers mute.Matchers, matches func(*alarm.Alarm) bool, look func(wanted func(*alarm.Alarm) bool) []api.Alarm) ([]api.Alarm, error) {
	if !slices.ContainsFunc(matchers, mute.IsExpression) {
		return look(matches), nil
	}
	wait, cancel := context.WithTimeout(context.Background(), searchWait)
	defer cancel()
	leave, err := c.enter(wait)
	if err != nil {
		return nil, errSearches()
	}
	defer leave()
	ends, late := time.Now().Add(searchTime), false
	list := look(func(a *alarm.Alarm) bool {
		late = late || time.Now().After(ends)
		return !late && matches(a)
	})
	if late {
		return nil, api.WithHint(api.Errorf(api.ErrBadRequest, "the alarms cannot be looked through within %v", searchTime), "Write simpler expressions")
	}
	return list, nil
}
