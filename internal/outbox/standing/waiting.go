package standing

import (
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

// Waiting lists the events of one receiver.
type Waiting struct {
	Receiver string             `json:"receiver"`
	Failing  bool               `json:"failing"`           // it does not acknowledge
	RetryAt  time.Time          `json:"retry_at,omitzero"` // time of the next try, while it is failing
	Events   []alarm.Event      `json:"events"`            // queued, the oldest first
	Dead     []store.DeadLetter `json:"dead"`              // given up, the oldest first
}

// Waiting returns the events of each receiver, without those that were given up.
func (o *Outbox) Waiting() []Waiting {
	list := make([]Waiting, 0, len(o.Queues))
	for _, q := range o.Queues {
		w := Waiting{Receiver: q.Name, Failing: q.Failing(), Events: []alarm.Event{}}
		if w.Failing {
			w.RetryAt = o.Clock.WallAt(q.RetryAt())
		}
		for _, r := range q.Rows() {
			w.Events = append(w.Events, r.Event)
		}
		list = append(list, w)
	}
	return list
}

// QueuedEvent is an event that waits for a receiver.
type QueuedEvent struct {
	alarm.Event
	Tries int
	Err   error // of the last try
}

// Queued returns up to limit events of a queue, the oldest first.
func Queued(q *queue.Queue, limit int) []QueuedEvent {
	rows := q.Rows()
	list := make([]QueuedEvent, 0, min(limit, len(rows)))
	for _, r := range rows[:min(limit, len(rows))] {
		list = append(list, QueuedEvent{r.Event, r.Tries(), r.Err()})
	}
	return list
}
