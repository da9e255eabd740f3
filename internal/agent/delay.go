package agent

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// maxDelayed is the maximum number of delayed responses. Further ones are lost, as in a router's
// queue.
const maxDelayed = 1 << 16

// responseWriter sends responses.
type responseWriter interface {
	write(answer []byte, p *peer)
}

// delivery is a response to be sent.
type delivery struct {
	peer
	out  responseWriter
	data []byte
	due  time.Time
	turn uint64 // sequence number, to order responses with the same due time
}

// delayQueue sends responses when they are due, with one goroutine and one timer for all.
type delayQueue struct {
	wake  chan struct{}       // the first due time has changed
	sleep func(time.Duration) // sleeps for less than a tick

	mu    sync.Mutex
	queue deliveries
	spent []*delivery // for reuse
	turn  uint64
}

func newDelayQueue() *delayQueue { return &delayQueue{wake: make(chan struct{}, 1), sleep: time.Sleep} }

// tick is the precision of the runtime's timers in an idle process.
const tick = time.Millisecond

// push sends d if it is due, and otherwise queues a copy.
func (l *delayQueue) push(d *delivery, now time.Time) {
	if !d.due.After(now) {
		d.out.write(d.data, &d.peer)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxDelayed {
		return
	}
	kept := new(delivery)
	if n := len(l.spent); n > 0 {
		kept, l.spent = l.spent[n-1], l.spent[:n-1]
	}
	data := append(kept.data[:0], d.data...)
	*kept = *d
	kept.data = data
	l.turn++
	kept.turn = l.turn
	heap.Push(&l.queue, kept)
	if l.queue[0] == kept {
		select {
		case l.wake <- struct{}{}:
		default: // already signaled
		}
	}
}

func (l *delayQueue) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-timer.C:
		}
		due := l.send()
		for !due.IsZero() && time.Until(due) <= tick {
			l.sleep(time.Until(due))
			due = l.send()
		}
		if !due.IsZero() {
			timer.Reset(time.Until(due) - tick)
		}
	}
}

// send sends all responses that are due. It returns when the next one is due, or the zero time.
func (l *delayQueue) send() (due time.Time) {
	for d := l.pop(time.Now(), &due); d != nil; d = l.pop(time.Now(), &due) {
		d.out.write(d.data, &d.peer)
		l.recycle(d)
	}
	return due
}

// pop removes and returns the first response if it is due, and otherwise sets due.
func (l *delayQueue) pop(now time.Time, due *time.Time) *delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	if first := l.queue[0]; first.due.After(now) {
		*due = first.due
		return nil
	}
	return heap.Pop(&l.queue).(*delivery)
}

func (l *delayQueue) recycle(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent = append(l.spent, d)
}

// deliveries implements heap.Interface.
type deliveries []*delivery

func (q deliveries) Len() int      { return len(q) }
func (q deliveries) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q deliveries) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].turn < q[j].turn
}
func (q *deliveries) Push(x any) { *q = append(*q, x.(*delivery)) }
func (q *deliveries) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	*q = (*q)[:last]
	return d
}
