package queue

import "trapline/internal/alarm"

// Clears are the last clears that were delivered, by place, to be repeated.
type Clears map[alarm.Place]*alarm.Event

// maxClears is how many are remembered.
const maxClears = 10_000

// Remember notes a row that was delivered, if it is a clear.
func (c *Clears) Remember(q *Queue, r *Row) {
	if r.Kind != alarm.Clear {
		return
	}
	if *c == nil || len(*c) >= maxClears {
		*c = Clears{}
	}
	(*c)[alarm.Place{Receiver: q.Name, Key: r.QueueKey()}] = &r.Event
}
