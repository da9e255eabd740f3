package outbox

import (
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

// outcome is the outcome of an event for a receiver. That of a delivered event is only in memory and in the journal:
// storing the view again would write another page of the database.
type outcome struct {
	at      alarm.Place
	event   string
	sent    time.Time
	took    time.Duration
	tries   int
	givenUp string
}

// on returns a copy of a view with the outcome of its event.
func (end *outcome) on(v *alarm.View) *alarm.View {
	c := *v
	c.Sent, c.Took, c.Tries, c.GivenUp = end.sent, seconds(end.took), end.tries, end.givenUp
	return &c
}

// conclude records an outcome in memory, if its event is the last one of its place.
func (st *state) conclude(end *outcome) {
	if v := st.views[end.at]; v != nil && v.Event == end.event {
		st.putView(end.at, end.on(v))
	}
}

// conclude plans the outcome of an event. why is nil if it was delivered.
func (p *plan) conclude(q *queue.Queue, r *queue.Row, took time.Duration, why error) {
	if why != nil {
		p.noteGivenUp(q, r, why.Error())
	} else {
		p.noteDelivered(q, r, took)
	}
	end := outcome{at: alarm.Place{Receiver: q.Name, Key: r.QueueKey()}, event: r.ID, sent: p.now, took: took, tries: r.Tries()}
	if why == nil {
		p.outcomes = append(p.outcomes, end)
		return
	}
	if v := p.View(end.at); v != nil && v.Event == r.ID {
		end.givenUp = why.Error()
		p.PutView(end.at, end.on(v))
	}
}

// DeadLetter is an event that was given up, with the reason.
type DeadLetter = store.DeadLetter
