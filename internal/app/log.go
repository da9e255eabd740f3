package app

import (
	"context"
	"log/slog"
)

// Quiet is the logger, but for what a demo would show beside its own lines, unless everything is wanted.
func Quiet(logger *slog.Logger) *slog.Logger {
	if logger.Enabled(context.Background(), slog.LevelDebug) {
		return logger
	}
	return slog.New(atLeast{logger.Handler(), slog.LevelWarn})
}

// atLeast is a log handler that leaves out what is below a level.
type atLeast struct {
	to    slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.to.Enabled(ctx, level)
}

func (h atLeast) Handle(ctx context.Context, r slog.Record) error { return h.to.Handle(ctx, r) }

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.to.WithAttrs(attrs), h.level}
}

func (h atLeast) WithGroup(name string) slog.Handler { return atLeast{h.to.WithGroup(name), h.level} }
