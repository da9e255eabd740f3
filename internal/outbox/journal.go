package outbox

import (
	"context"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/recalls"
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

// recall reads the outcomes of events that were sent before the process began from the journal.
func (o *Outbox) recall(ctx context.Context) error {
	missing := map[recalls.Delivery]alarm.Place{}
	o.mu.Lock()
	for at, v := range o.state.index.Views {
		if q := o.state.queues.ByName[at.Receiver]; q != nil && v.Sent.IsZero() && v.Lost == nil && len(q.AlarmQueue(at.Key)) == 0 {
			missing[recalls.Delivery{Receiver: at.Receiver, Event: v.Event}] = at
		}
	}
	o.mu.Unlock()
	recalls.Outcomes(ctx, o.state.journal, missing, func(list []outcomes.End) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for i := range list {
			o.state.conclude(&list[i])
		}
	})
	return nil
}

// recallDay counts the notifications of the day that earlier processes have sent.
func (o *Outbox) recallDay(ctx context.Context) error {
	day := recalls.Day(ctx, o.state.journal, o.state.clock.Wall(), o.state.inherited)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.today.Merge(&day)
	return nil
}

// recallAcks reads from the journal when a receiver acknowledged last, and how fast.
func (o *Outbox) recallAcks(ctx context.Context, q *queue.Queue) error {
	last, times := recalls.Acks(ctx, o.state.journal, q.Name)
	o.mu.Lock()
	defer o.mu.Unlock()
	q.Tally.Recall(last, times)
	return nil
}
