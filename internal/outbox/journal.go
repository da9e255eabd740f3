package outbox

import (
	"context"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
)

// maxNoted is the maximum number of entries that wait for a transaction.
const maxNoted = 10_000

// Note adds an entry that is about no alarm, such as a reload, to the journal. It is on the disk within two seconds.
func (o *Outbox) Note(e journal.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.At.IsZero() {
		e.At = o.state.clock.Wall()
	}
	if len(o.state.added) < maxNoted {
		o.state.added = append(o.state.added, e)
	}
}

// Journal returns the journal.
func (o *Outbox) Journal() *journal.Journal { return o.state.journal }

// flushTime is the interval at which the files of the journal are written.
const flushTime = time.Second

// keepJournal writes the files of the journal until ctx ends.
func (o *Outbox) keepJournal(ctx context.Context) error {
	tick := time.NewTicker(flushTime)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := o.state.journal.Flush()
		if err != nil && !failed {
			o.state.logger.Error("the journal cannot be written, its entries are kept in the database", "err", err)
		}
		failed = err != nil
	}
}

// recallTime is the maximum duration of recall.
const recallTime = 10 * time.Second

// recall reads the outcomes of events that were sent before the process began from the journal.
func (o *Outbox) recall(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	type delivery struct{ receiver, event string }
	missing := map[delivery]alarm.Place{}
	o.mu.Lock()
	for at, v := range o.state.views {
		if q := o.state.byName[at.Receiver]; q != nil && v.Sent.IsZero() && v.Lost == nil && len(q.AlarmQueue(at.Key)) == 0 {
			missing[delivery{at.Receiver, v.Event}] = at
		}
	}
	o.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	for _, kind := range []string{journal.Acknowledged, journal.Sent} {
		found, _ := o.state.journal.Query(ctx, journal.Query{Kind: kind, Limit: len(missing), Match: func(e *journal.Event) bool {
			_, wanted := missing[delivery{e.Receiver, e.Event}]
			return wanted
		}}) // outcomes that are not found in time are not shown
		o.mu.Lock()
		for i := len(found) - 1; i >= 0; i-- { // the newest last
			e := &found[i]
			o.state.conclude(&outcome{missing[delivery{e.Receiver, e.Event}], e.Event, e.At, milliseconds(e.Millis), e.Tries, ""})
		}
		o.mu.Unlock()
	}
	return nil
}

// recallDay counts the notifications of the day that earlier processes have sent.
func (o *Outbox) recallDay(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	var day outcomes.Day
	for _, kind := range []string{journal.Acknowledged, journal.Sent} {
		_, _ = o.state.journal.Query(ctx, journal.Query{
			Kind: kind, Since: outcomes.Midnight(o.state.clock.Wall()), Before: o.state.inherited + 1, Match: func(e *journal.Event) bool {
				day.Add([]journal.Event{*e})
				return false
			},
		}) // what is not found in time is not counted
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.today.Merge(&day)
	return nil
}

// recallAcks reads from the journal when a receiver acknowledged last, and how fast.
func (o *Outbox) recallAcks(ctx context.Context, q *queue.Queue) error {
	ctx, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	var last time.Time
	var times []time.Duration
	for _, kind := range []string{journal.Acknowledged, journal.Sent} {
		found, _ := o.state.journal.Query(ctx, journal.Query{Kind: kind, Receiver: q.Name, Limit: queue.TallyTimes}) // as in recallDay
		for _, e := range slices.Backward(found) {
			if last = later(last, e.At); e.Millis > 0 {
				times = append(times, milliseconds(e.Millis))
			}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q.Tally.Recall(last, times)
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
