package api

import (
	"context"
	"errors"
	"time"

	"trapline/internal/poller"
)

// pollGrace is how much longer than its interval a poll may keep its caller waiting: it may have to wait for its
// turn.
const pollGrace = 30 * time.Second

// Poll has a target polled at once and returns when the poll has ended, however it did. One that runs is joined.
func (a *API) Poll(ctx context.Context, target string) error {
	r, ok := a.options.Polls.Report(target)
	if !ok {
		return a.noTarget(target)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Target.Interval+pollGrace,
		of(ErrUnavailable, "the poll of %s has not ended in time", target))
	defer cancel()
	err := a.options.Polls.PollNow(ctx, target)
	if errors.Is(err, poller.ErrNoTarget) {
		return a.noTarget(target)
	}
	return err
}
