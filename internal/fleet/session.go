package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/poller"
)

// sessions holds the targets with requests outside of their polls.
type sessions struct {
	mu      sync.Mutex
	targets map[string]bool // targets
}

// begin returns a function that ends the session with a target, or ErrBusy.
func (q *sessions) begin(target string) (end func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.targets[target]:
		return nil, api.WithHint(api.Errorf(api.ErrBusy, "another walk of %s is under way", target), "Try again when it has ended")
	case len(q.targets) >= maxQuestions:
		return nil, api.WithHint(api.Errorf(api.ErrBusy, "%d walks are under way, which are the most", maxQuestions), "Try again when one of them has ended")
	}
	if q.targets == nil {
		q.targets = map[string]bool{}
	}
	q.targets[target] = true
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.targets, target)
	}, nil
}

// unanswered returns the error of requests to a target in words.
func (f *Fleet) unanswered(name string, err error, took poller.Pass) error {
	d, ok := f.polls.Detail(name)
	if err == nil || !ok {
		return err
	}
	took.Modules = d.Summary.Target.Modules
	words := d.Summary.Words(err, took)
	return api.WithHint(api.Errorf(api.ErrUnavailable, "%s", words.Text), words.Remedy)
}

// Session begins to ask a target beside its polls.
func (f *Fleet) Session(name string) (t *poller.Target, s collector.Session, end func(), err error) {
	r, ok := f.polls.Report(name)
	if !ok {
		return nil, nil, nil, f.NoTarget(name)
	}
	if end, err = f.sessions.begin(name); err != nil {
		return nil, nil, nil, err
	}
	if s, err = f.open(r.Target.Spec); err != nil {
		end()
		return nil, nil, nil, f.unanswered(name, err, poller.Pass{})
	}
	return r.Target, s, end, nil
}

// PollGrace is how much longer than its interval a poll may keep its caller waiting: it may have to wait for its
// turn.
const PollGrace = 30 * time.Second

// Poll has a target polled at once and returns when the poll has ended, however it did. One that runs is joined.
func (f *Fleet) Poll(ctx context.Context, target string) error {
	r, ok := f.polls.Report(target)
	if !ok {
		return f.NoTarget(target)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Target.Interval+PollGrace,
		api.Errorf(api.ErrUnavailable, "the poll of %s has not ended in time", target))
	defer cancel()
	err := f.polls.PollNow(ctx, target)
	if errors.Is(err, poller.ErrNoTarget) {
		return f.NoTarget(target)
	}
	if paused := (*poller.PausedError)(nil); errors.As(err, &paused) {
		return api.Errorf(api.ErrBusy, "%v", err)
	}
	return err
}
