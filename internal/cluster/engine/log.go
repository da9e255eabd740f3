package engine

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger returns a logger for etcd that writes its errors to ours, as warnings: the engine goes on. Where etcd would end
// the process, only its goroutine ends, and the text is sent to failed.
func zapLogger(log *slog.Logger, failed chan<- string) *zap.Logger {
	hook := endGoroutine{failed}
	return zap.New(core{log}, zap.WithFatalHook(hook), zap.WithPanicHook(hook))
}

type endGoroutine struct{ failed chan<- string }

// OnWrite is of zapcore.CheckWriteHook.
func (h endGoroutine) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	text := e.Message
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok {
			text += ": " + err.Error()
		}
	}
	select {
	case h.failed <- text:
	default:
	}
	runtime.Goexit()
}

// core is a zapcore.Core over slog.
type core struct{ log *slog.Logger }

// Enabled is of zapcore.Core.
func (c core) Enabled(level zapcore.Level) bool { return level >= zapcore.ErrorLevel }

// With is of zapcore.Core.
func (c core) With([]zapcore.Field) zapcore.Core { return c }

// Check is of zapcore.Core.
func (c core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(e.Level) {
		return checked
	}
	return checked.AddCore(e, c)
}

// Write is of zapcore.Core. A request that its sender gave up is no error: another server has answered it.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if slices.ContainsFunc(fields, canceled) {
		return nil
	}
	encoder := zapcore.NewMapObjectEncoder()
	attrs := make([]slog.Attr, 0, len(fields)+1)
	attrs = append(attrs, slog.String("message", e.Message))
	for _, f := range fields {
		f.AddTo(encoder)
	}
	for name, value := range encoder.Fields {
		attrs = append(attrs, slog.Any(name, value))
	}
	c.log.LogAttrs(context.Background(), slog.LevelWarn, "engine", attrs...)
	return nil
}

func canceled(f zapcore.Field) bool {
	err, ok := f.Interface.(error)
	return ok && errors.Is(err, context.Canceled)
}

// Sync is of zapcore.Core.
func (c core) Sync() error { return nil }
