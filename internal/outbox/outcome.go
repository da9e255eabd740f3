package outbox

import (
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
)

// outcome is what became of an event for a receiver. That of one that was delivered is in memory and in the journal
// alone: a transaction that wrote what the receiver knows once more would cost a page of the database.
type outcome struct {
	at      alarm.Place
	event   string
	sent    time.Time
	took    time.Duration
	tries   int
	givenUp string
}

// on is what a receiver knows, with the outcome of its event.
func (end *outcome) on(v *alarm.View) *alarm.View {
	c := *v
	c.Sent, c.Took, c.Tries, c.GivenUp = end.sent, seconds(end.took), end.tries, end.givenUp
	return &c
}

// conclude notes an outcome in memory, if it is of the last event of its place.
func (st *state) conclude(end *outcome) {
	if v := st.views[end.at]; v != nil && v.Event == end.event {
		st.putView(end.at, end.on(v))
	}
}

// conclude notes what became of an event.
func (p *plan) conclude(q *queue, r *row, took time.Duration, why error) {
	if why != nil {
		p.noteGivenUp(q, r, why.Error())
	} else {
		p.noteDelivered(q, r, took)
	}
	end := outcome{at: alarm.Place{Receiver: q.name, Key: r.queueKey()}, event: r.ID, sent: p.now, took: took, tries: r.tries}
	if why == nil {
		p.outcomes = append(p.outcomes, end)
		return
	}
	if v := p.View(end.at); v != nil && v.Event == r.ID {
		end.givenUp = why.Error()
		p.PutView(end.at, end.on(v))
	}
}

// DeadLetter is an event that was given up, and why.
type DeadLetter struct {
	alarm.Event
	Line string    `json:"line,omitempty"` // the key under which the receiver knows the alarm, where that is not its ID
	Why  string    `json:"why"`
	At   time.Time `json:"given_up_at"`

	key []byte // in the database
}

// maxDeadLetters is how many dead letters are kept for a receiver.
const maxDeadLetters = 1000

// deadRow is one on its way to the database.
type deadRow struct {
	q          *queue
	r          *row
	deadLetter *DeadLetter
}

func (d *deadRow) store(b *bbolt.Bucket) error {
	if err := putJSON(b, key(d.r.seq), d.deadLetter); err != nil {
		return err
	}
	if b.Stats().KeyN <= maxDeadLetters {
		return nil
	}
	oldest, _ := b.Cursor().First()
	return b.Delete(oldest)
}
