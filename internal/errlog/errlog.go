// Package errlog notes the errors of libraries that report them in their log only, as Prometheus' discoverers do.
package errlog

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
)

// Handler is a log handler that notes warnings and errors.
type Handler struct {
	Note func(text string)
	with string // attributes
}

// Enabled reports whether the message is looked at.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle notes the error of the message, else the message, with the attributes.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	text, err := h.with, ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" {
			err = strings.ReplaceAll(a.Value.String(), "\n", "; ")
		} else {
			text += attribute(a)
		}
		return true
	})
	h.Note(cmp.Or(err, r.Message) + text)
	return nil
}

// WithAttrs returns a handler that adds attributes.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := h.with
	for _, a := range attrs {
		with += attribute(a)
	}
	return &Handler{Note: h.Note, with: with}
}

// WithGroup returns the handler: groups are not shown.
func (h *Handler) WithGroup(string) slog.Handler { return h }

func attribute(a slog.Attr) string { return ", " + a.Key + ": " + a.Value.String() }
