package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger returns a logger for etcd that writes its errors by out. Where etcd would end the process, only its goroutine ends,
// and the text is sent to failed.
func zapLogger(out *output, failed chan<- string) *zap.Logger {
	hook := endGoroutine{failed}
	return zap.New(core{out}, zap.WithFatalHook(hook), zap.WithPanicHook(hook))
}

// output writes the errors of etcd to our log, as warnings: the engine goes on. One that recurs is written once a minute.
type output struct {
	log     *slog.Logger
	stopped atomic.Bool // nothing more is written: etcd reports its connections that end

	mu   sync.Mutex
	last string
	at   time.Time
}

// due reports whether an error is written.
func (o *output) due(text string, at time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if text == o.last && at.Sub(o.at) < time.Minute {
		return false
	}
	o.last, o.at = text, at
	return true
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

// core is a zapcore.Core over an output.
type core struct{ *output }

// Enabled is of zapcore.Core.
func (c core) Enabled(level zapcore.Level) bool {
	return level >= zapcore.ErrorLevel && !c.stopped.Load()
}

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
	if slices.ContainsFunc(fields, canceled) || e.Message == served {
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
	if !c.due(fmt.Sprint(e.Message, encoder.Fields["error"]), e.Time) {
		return nil
	}
	c.log.LogAttrs(context.Background(), slog.LevelWarn, "engine", attrs...)
	return nil
}

// served is the message of an error that etcd also reports to whoever runs it.
const served = "setting up serving from embedded etcd failed."

func canceled(f zapcore.Field) bool {
	err, ok := f.Interface.(error)
	return ok && errors.Is(err, context.Canceled)
}

// Sync is of zapcore.Core.
func (c core) Sync() error { return nil }
