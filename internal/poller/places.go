package poller

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// places bounds how many devices are talked to at once. A pass holds a place while its device answers.
// One that has waited for an answer long enough yields its place to others that want one, and takes
// another as soon as there is an answer, even if none is free. So silent devices keep nobody from
// beginning, however many there are, and those that answer are more than the limit only for a moment:
// no pass begins until there are fewer again.
type places struct {
	limit int

	mu      sync.Mutex
	taken   int
	holders *list.List // of *place, that found silent for longest in front
	waiting *list.List // of *place, the first in front
	retry   *time.Timer
}

// answerPatience is how long a pass keeps its place without an answer where others wait for one.
const answerPatience = 250 * time.Millisecond

func newPlaces(limit int) *places {
	return &places{limit: limit, holders: list.New(), waiting: list.New()}
}

// exclusive reports whether passes follow each other strictly: who asks for one at a time wants that.
func (l *places) exclusive() bool { return l.limit == 1 }

// place is the part that one pass has in places.
type place struct {
	places   *places
	answered func() // called once, at the first answer
	heard    atomic.Bool
	yielded  atomic.Bool // an answer takes a place; changed with the mutex held

	// The mutex guards the rest.
	ready   chan struct{} // closed when the pass may begin
	element *list.Element // among the holders or those that wait; nil if neither
	silent  time.Time     // since when no answer was noticed, of a holder
	left    bool
}

// enter waits until a pass may begin. One over a device that is not expected to answer takes its place
// at the first answer; answered, which may be nil, is called then. enter reports whether ctx was not
// canceled before.
func (l *places) enter(ctx context.Context, expected bool, answered func()) (*place, bool) {
	p := &place{places: l, answered: answered, ready: make(chan struct{})}
	p.yielded.Store(!expected && !l.exclusive())
	l.mu.Lock()
	p.element = l.waiting.PushBack(p)
	l.admitLocked()
	l.mu.Unlock()
	select {
	case <-p.ready:
		return p, true
	case <-ctx.Done():
		p.leave()
		return nil, false
	}
}

// admitLocked lets passes begin in the order in which they came.
func (l *places) admitLocked() {
	for l.waiting.Len() > 0 {
		if l.taken >= l.limit && !l.reclaimLocked() {
			return
		}
		p := l.waiting.Remove(l.waiting.Front()).(*place)
		p.element = nil
		if !p.yielded.Load() {
			l.takeLocked(p)
		}
		close(p.ready)
	}
}

func (l *places) takeLocked(p *place) {
	l.taken++
	p.silent = time.Now()
	p.element = l.holders.PushBack(p)
}

// reclaimLocked takes the places of silent devices until there is room. Without any it is tried again when
// the next may be silent for long enough.
func (l *places) reclaimLocked() bool {
	now := time.Now()
	for n := l.holders.Len(); n > 0 && l.taken >= l.limit && !l.exclusive(); n-- {
		front := l.holders.Front()
		p := front.Value.(*place)
		if p.heard.Swap(false) {
			p.silent = now
			l.holders.MoveToBack(front)
			continue
		}
		if wait := answerPatience - now.Sub(p.silent); wait > 0 {
			l.retryLocked(wait)
			return false
		}
		l.dropLocked(p)
		p.yielded.Store(true)
	}
	if l.taken >= l.limit && !l.exclusive() {
		l.retryLocked(answerPatience)
	}
	return l.taken < l.limit
}

func (l *places) retryLocked(wait time.Duration) {
	if l.retry == nil {
		l.retry = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.admitLocked()
		})
		return
	}
	l.retry.Reset(wait)
}

// dropLocked takes p off the list that it is on.
func (l *places) dropLocked(p *place) {
	switch {
	case p.element == nil:
		return
	case l.holds(p):
		l.holders.Remove(p.element)
		l.taken--
	default:
		l.waiting.Remove(p.element)
	}
	p.element = nil
}

// holds reports whether p, which is on a list, is on that of the holders.
func (l *places) holds(p *place) bool {
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// answer notes an answer of the device. It costs next to nothing while the pass has its place.
func (p *place) answer() {
	if !p.heard.Load() {
		p.heard.Store(true)
	}
	if p.yielded.Load() {
		p.resume()
	}
}

// resume takes a place again.
func (p *place) resume() {
	l := p.places
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.left || !p.yielded.Swap(false) {
		return
	}
	l.takeLocked(p)
	if p.answered != nil {
		p.answered()
		p.answered = nil
	}
}

// leave ends the pass's part. It may be called more than once.
func (p *place) leave() {
	l := p.places
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	l.dropLocked(p)
	if p.answered != nil {
		p.answered()
		p.answered = nil
	}
	l.admitLocked()
}
