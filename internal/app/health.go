package app

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"trapline/internal/poller"
	"trapline/internal/rules"
)

// health has the checks of /-/healthy and /-/ready, by name. Each returns an error while a part of Trapline does not
// work.
type health struct {
	mu     sync.Mutex
	checks []healthCheck
}

type healthCheck struct {
	name  string
	check func() error
}

// healthOf are the checks of the server.
func healthOf(evaluator *rules.Evaluator, polls *poller.Poller, n *notifier) *health {
	h := &health{}
	h.add("rules", evaluator.Healthy)
	h.add("polling", polls.Check)
	h.add("state_dir", n.healthy)
	return h
}

// add adds a check, which may be called by several goroutines at once.
func (h *health) add(name string, check func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, healthCheck{name, check})
}

// err joins the reasons of the checks that fail.
func (h *health) err(more ...healthCheck) error {
	h.mu.Lock()
	checks := slices.Concat(h.checks, more)
	h.mu.Unlock()
	var errs []error
	for _, c := range checks {
		if err := c.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// answer handles requests: with the text while all checks pass, and those that are of this answer alone, else with 503 and the
// reasons.
func (h *health) answer(text string, more ...healthCheck) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := h.err(more...); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, text)
	}
}
