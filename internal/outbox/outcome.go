package outbox

import (
	"context"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
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
func (o *Outbox) conclude(end *outcome) {
	if v := o.views[end.at]; v != nil && v.Event == end.event {
		o.putView(end.at, end.on(v))
	}
}

// recallTime is how long the journal is searched for outcomes.
const recallTime = 10 * time.Second

// recall finds in the journal what became of the events that receivers know since before the process began.
func (o *Outbox) recall(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	type delivery struct{ receiver, event string }
	missing := map[delivery]alarm.Place{}
	o.mu.Lock()
	for at, v := range o.views {
		if q := o.byName[at.Receiver]; q != nil && v.Sent.IsZero() && v.Lost == nil && len(q.rows[at.Key]) == 0 {
			missing[delivery{at.Receiver, v.Event}] = at
		}
	}
	o.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	for _, kind := range []string{journal.Acknowledged, journal.Sent} {
		found, _ := o.journal.Query(ctx, journal.Query{Kind: kind, Limit: len(missing), Match: func(e *journal.Event) bool {
			_, wanted := missing[delivery{e.Receiver, e.Event}]
			return wanted
		}}) // what is not found in time is not shown
		o.mu.Lock()
		for i := len(found) - 1; i >= 0; i-- { // the newest last
			e := &found[i]
			o.conclude(&outcome{missing[delivery{e.Receiver, e.Event}], e.Event, e.At, milliseconds(e.Millis), e.Tries, ""})
		}
		o.mu.Unlock()
	}
	return nil
}
