package discovery

import (
	"context"
	"log/slog"
)

// errorNotes is a log handler for Prometheus' discoverers, which report errors nowhere but in the log.
type errorNotes struct {
	note func(text string)
	with string
}

// Enabled reports whether the message is looked at.
func (h *errorNotes) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle notes the message with its attributes.
func (h *errorNotes) Handle(_ context.Context, r slog.Record) error {
	text := r.Message + h.with
	r.Attrs(func(a slog.Attr) bool { text += attribute(a); return true })
	h.note(text)
	return nil
}

// WithAttrs returns a handler that adds attributes.
func (h *errorNotes) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := h.with
	for _, a := range attrs {
		with += attribute(a)
	}
	return &errorNotes{note: h.note, with: with}
}

// WithGroup returns the handler: groups are not shown.
func (h *errorNotes) WithGroup(string) slog.Handler { return h }

func attribute(a slog.Attr) string { return ", " + a.Key + ": " + a.Value.String() }
