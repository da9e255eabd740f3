// Package outboxtest has the receiver of the tests of outbox and notify.
package outboxtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
)

// Receiver is a receiver that records events and may fail. Its fields are set before it is notified.
type Receiver struct {
	Broken error  // what it answers; nil means an acknowledgment
	Poison string // the ID of an alarm that it never acknowledges
	Delay  time.Duration

	mu      sync.Mutex
	heard   []string   // acknowledged events: kind and alarm
	events  []Delivery // all events received, acknowledged or not
	busy    map[string]bool
	overlap bool
}

// Delivery is an event as it was delivered.
type Delivery struct {
	alarm.Event
	RequestID int32
}

// Received returns all events received, acknowledged or not.
func (r *Receiver) Received() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// TakeReceived returns the events received since the previous call of it.
func (r *Receiver) TakeReceived() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// Overlapped reports whether two events of an alarm were being delivered at the same time.
func (r *Receiver) Overlapped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.overlap
}

// Deliver is the queue.Deliver of the receiver.
func (r *Receiver) Deliver(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
	r.mu.Lock()
	r.events = append(r.events, Delivery{*e, id})
	if r.busy == nil {
		r.busy = map[string]bool{}
	}
	r.overlap = r.overlap || r.busy[e.Alarm.ID]
	r.busy[e.Alarm.ID] = true
	delay, broken := r.Delay, r.Broken
	r.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return originator.Receipt{}, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[e.Alarm.ID] = false
	if r.Poison != "" && e.Alarm.ID == r.Poison {
		return originator.Receipt{Sent: 1}, ErrTimeout
	}
	if broken != nil {
		return originator.Receipt{Sent: 1}, broken
	}
	text := string(e.Kind)
	if e.Alarm.ID != "" {
		text += " " + e.Alarm.ID
	}
	if e.Repeat > 0 {
		text += fmt.Sprintf(" repeat %d", e.Repeat)
	}
	if e.Dropped > 0 {
		text += fmt.Sprintf(" dropped %d", e.Dropped)
	}
	r.heard = append(r.heard, text)
	return originator.Receipt{Sent: 1}, nil
}

// Set changes Broken and Delay.
func (r *Receiver) Set(broken error, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Broken, r.Delay = broken, delay
}

// Take returns the events acknowledged since the previous call.
func (r *Receiver) Take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.heard, ", ")
	r.heard = nil
	return text
}

// Kinds returns the kinds of the events since the last call, sorted.
func (r *Receiver) Kinds() string {
	var kinds []string
	for _, word := range strings.Split(r.Take(), ", ") {
		kind, _, _ := strings.Cut(word, " ")
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// Route returns a route to the receiver.
func (r *Receiver) Route(name string) *queue.Route {
	return &queue.Route{Name: name, Deliver: r.Deliver, Window: 16, MaxAge: 24 * time.Hour}
}

// ErrTimeout is the error of a delivery that was not acknowledged.
var ErrTimeout = &originator.Error{Receiver: "nms", Reason: access.Timeout, Err: context.DeadlineExceeded}
