package rules

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// throttleInterval is how often the same message is logged.
const throttleInterval = time.Minute

// throttle is a log handler that passes each message on once in throttleInterval, for errors that recur at each poll.
type throttle struct {
	handler slog.Handler
	seen    *messages
}

// messages are the times of logged messages. They are few, for messages are constants.
type messages struct {
	mu     sync.Mutex
	last   map[string]time.Time
	silent map[string]int // how often each was not logged since
}

func newThrottle(l *slog.Logger) *slog.Logger {
	return slog.New(throttle{l.Handler(), &messages{last: map[string]time.Time{}, silent: map[string]int{}}})
}

// due reports whether a message is logged at a time, and returns how often it was not since the last time.
func (m *messages) due(message string, at time.Time) (silent int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, logged := m.last[message]; logged && at.Sub(last) < throttleInterval {
		m.silent[message]++
		return 0, false
	}
	silent = m.silent[message]
	m.last[message], m.silent[message] = at, 0
	return silent, true
}

// Enabled is of slog.Handler.
func (t throttle) Enabled(ctx context.Context, level slog.Level) bool {
	return t.handler.Enabled(ctx, level)
}

// Handle is of slog.Handler.
func (t throttle) Handle(ctx context.Context, r slog.Record) error {
	silent, ok := t.seen.due(r.Message, r.Time)
	if !ok {
		return nil
	}
	if silent > 0 {
		r.AddAttrs(slog.Int("not_logged", silent))
	}
	return t.handler.Handle(ctx, r)
}

// WithAttrs is of slog.Handler.
func (t throttle) WithAttrs(attrs []slog.Attr) slog.Handler {
	return throttle{t.handler.WithAttrs(attrs), t.seen}
}

// WithGroup is of slog.Handler.
func (t throttle) WithGroup(name string) slog.Handler {
	return throttle{t.handler.WithGroup(name), t.seen}
}
