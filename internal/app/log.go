package app

import (
	"context"
	"log/slog"
)

// Quiet returns the logger without lines below the level warn, unless it logs at level debug.
func Quiet(logger *slog.Logger) *slog.Logger {
	if logger.Enabled(context.Background(), slog.LevelDebug) {
		return logger
	}
	return slog.New(atLeast{logger.Handler(), slog.LevelWarn})
}

// atLeast is a log handler that drops records below a level.
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
