// Package grouping joins what is to be sent about one group to one message, as Alertmanager does: the first message of a
// group waits for others, and further ones keep a distance.
package grouping

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Groups joins items by group. The caller of Add waits until its item was sent.
type Groups[T any] struct {
	Wait     time.Duration // from the first item of a new group to its message
	Interval time.Duration // from one message of a group to the next

	// Send sends the items of a message in the order of Add, and reports whether the group goes on after it.
	Send func(group string, items []T) (goesOn bool, err error)

	// Due reports whether an item is to be sent, when the message is; may be nil. Add returns ErrNotDue for one that is not.
	Due func(T) bool

	mu      sync.Mutex
	open    map[string]*batch[T]
	sending map[string]bool      // groups whose message is being sent: the next one is about what follows from it
	last    map[string]time.Time // of the messages of groups that go on
}

// ErrNotDue is the error of an item that was left out of the message of its group.
var ErrNotDue = errors.New("it is not due")

// batch is a message that is not yet sent.
type batch[T any] struct {
	items   []*T
	begun   time.Time     // when it was scheduled; not while the message before it is being sent
	timer   *time.Timer   // until it is sent
	done    chan struct{} // closed when it was sent
	leftOut map[*T]bool   // the items that were not due
	err     error
}

// Add returns when the item was sent, with the error of its message. If ctx ends before, the item is left out of the
// message, and the error is ErrNotDue, unless that is being sent.
func (g *Groups[T]) Add(ctx context.Context, group string, item T) error {
	b := g.join(group, &item)
	select {
	case <-b.done:
		if b.leftOut[&item] {
			return ErrNotDue
		}
		return b.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[group] == b {
		b.items = slices.DeleteFunc(b.items, func(other *T) bool { return other == &item })
		return ErrNotDue
	}
	return ctx.Err()
}

func (g *Groups[T]) join(group string, item *T) *batch[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.open[group]
	if b == nil {
		b = &batch[T]{done: make(chan struct{}), leftOut: map[*T]bool{}}
		if g.open == nil {
			g.open, g.sending, g.last = map[string]*batch[T]{}, map[string]bool{}, map[string]time.Time{}
		}
		if g.open[group] = b; !g.sending[group] {
			g.schedule(group, b)
		}
	}
	b.items = append(b.items, item)
	return b
}

// schedule has a message sent when it is due. Its caller holds mu.
func (g *Groups[T]) schedule(group string, b *batch[T]) {
	b.begun = time.Now()
	b.timer = time.AfterFunc(time.Until(g.due(group, b)), func() { g.flush(group, b) })
}

func (g *Groups[T]) due(group string, b *batch[T]) time.Time {
	if last, goesOn := g.last[group]; goesOn {
		return last.Add(g.Interval)
	}
	return b.begun.Add(g.Wait)
}

// Replan changes Wait and Interval. Messages that wait are sent when they were due, or are now, whichever is sooner.
func (g *Groups[T]) Replan(wait, interval time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := map[string]time.Time{}
	for group, b := range g.open {
		before[group] = g.due(group, b)
	}
	g.Wait, g.Interval = wait, interval
	for group, b := range g.open {
		if due := g.due(group, b); b.timer != nil && due.Before(before[group]) && b.timer.Stop() {
			b.timer.Reset(time.Until(due))
		}
	}
}

// flush sends a message.
func (g *Groups[T]) flush(group string, b *batch[T]) {
	defer close(b.done)
	g.mu.Lock()
	delete(g.open, group)
	g.sending[group] = true
	g.mu.Unlock()
	defer g.sent(group)
	items := make([]T, 0, len(b.items))
	for _, one := range b.items {
		if g.Due == nil || g.Due(*one) {
			items = append(items, *one)
		} else {
			b.leftOut[one] = true
		}
	}
	if len(items) == 0 {
		return
	}
	goesOn, err := g.Send(group, items)
	b.err = err
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last[group] = time.Now(); !goesOn {
		delete(g.last, group)
	}
}

// sent has the next message of a group sent, which others may wait for.
func (g *Groups[T]) sent(group string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sending, group)
	if next := g.open[group]; next != nil {
		g.schedule(group, next)
	}
}
