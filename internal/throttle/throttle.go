// Package throttle limits log messages that recur.
package throttle

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// interval is how often the same message is logged.
const interval = time.Minute

// handler is a log handler that passes each message on once in an interval, for errors that recur.
type handler struct {
	next slog.Handler
	seen *messages
}

// messages are the times of logged messages. They are few, for messages are constants.
type messages struct {
	mu     sync.Mutex
	last   map[string]time.Time
	silent map[string]int // how often each was not logged since
}

// New returns a logger that logs each message once a minute, and how often it was not logged since.
func New(l *slog.Logger) *slog.Logger {
	return slog.New(handler{l.Handler(), &messages{last: map[string]time.Time{}, silent: map[string]int{}}})
}

// due reports whether a message is logged at a time, and returns how often it was not since the last time.
func (m *messages) due(message string, at time.Time) (silent int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, logged := m.last[message]; logged && at.Sub(last) < interval {
		m.silent[message]++
		return 0, false
	}
	silent = m.silent[message]
	m.last[message], m.silent[message] = at, 0
	return silent, true
}

// Enabled is of slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle is of slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	silent, ok := h.seen.due(r.Message, r.Time)
	if !ok {
		return nil
	}
	if silent > 0 {
		r.AddAttrs(slog.Int("not_logged", silent))
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs is of slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(attrs), h.seen}
}

// WithGroup is of slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.next.WithGroup(name), h.seen}
}
