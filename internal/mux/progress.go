package mux

import (
	"context"
	"sync/atomic"
)

// Progress is notified of each answer to the polls of a context. Their caller can
// distinguish by it a request that waits from one that is answered.
type Progress struct {
	notify func()
	heard  atomic.Bool
}

// NewProgress makes a Progress that calls notify at each answer. Others wait until notify returns, and
// it may also be called shortly after the polls have ended.
func NewProgress(notify func()) *Progress { return &Progress{notify: notify} }

// Answered reports whether there was an answer.
func (p *Progress) Answered() bool { return p != nil && p.heard.Load() }

// Answer notes an answer. Sessions that are no Target call it for each that they get. A nil Progress
// notes nothing.
func (p *Progress) Answer() {
	if p == nil {
		return
	}
	if !p.heard.Load() {
		p.heard.Store(true)
	}
	p.notify()
}

type progressKey struct{}

// WithProgress returns a context whose polls inform p.
func WithProgress(ctx context.Context, p *Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// ProgressOf is the Progress of a context, or nil.
func ProgressOf(ctx context.Context) *Progress {
	p, _ := ctx.Value(progressKey{}).(*Progress)
	return p
}
