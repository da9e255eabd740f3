// Package asker asks devices for their facts, and takes those that polled devices report.
package asker

import (
	"context"
	"sync"
	"time"

	"trapline/internal/facts"
	"trapline/internal/poller"
)

// Ask asks a device for its facts. It ends with ctx.
type Ask func(ctx context.Context, t *poller.TargetSettings) (*facts.Facts, error)

const (
	// maxAsked is how many devices are asked at once, askTime how long an answer is waited for, and askPatience after which
	// time a device is not asked that waits for its turn: it is polled under its address.
	maxAsked    = 128
	askTime     = 5 * time.Second
	askPatience = 30 * time.Second
)

// Question is a device of a list that is asked for its facts.
type Question struct {
	List   string
	Key    facts.Key
	Target poller.TargetSettings

	since time.Time
}

// Answer has the facts of a device, nil if it did not answer.
type Answer struct {
	List  string
	Key   facts.Key
	Facts *facts.Facts
}

// Asker asks devices, so many at once.
type Asker struct {
	Answers chan Answer

	mu      sync.Mutex
	queue   []Question
	running int
	ended   sync.WaitGroup
}

// New returns an Asker.
func New() *Asker { return &Asker{Answers: make(chan Answer)} }

// Add has devices asked. Their answers come until ctx is canceled.
func (a *Asker) Add(ctx context.Context, ask Ask, list []Question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for _, q := range list {
		q.since = now
		a.queue = append(a.queue, q)
	}
	for ; a.running < min(maxAsked, len(a.queue)); a.running++ {
		a.ended.Go(func() { a.run(ctx, ask) })
	}
}

// run asks until nothing is left.
func (a *Asker) run(ctx context.Context, ask Ask) {
	for {
		q, ok := a.next()
		if !ok {
			return
		}
		result := Answer{q.List, q.Key, nil}
		if time.Since(q.since) < askPatience {
			bounded, cancel := context.WithTimeout(ctx, askTime)
			if f, err := ask(bounded, &q.Target); err == nil {
				result.Facts = f
			}
			cancel()
		}
		select {
		case a.Answers <- result:
		case <-ctx.Done():
		}
	}
}

func (a *Asker) next() (q Question, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		a.running--
		return q, false
	}
	q = a.queue[0]
	if a.queue = a.queue[1:]; len(a.queue) == 0 {
		a.queue = nil
	}
	return q, true
}

// Wait waits for the end of all that ask. Their context is canceled.
func (a *Asker) Wait() {
	a.mu.Lock()
	a.queue = nil
	a.mu.Unlock()
	a.ended.Wait()
}
