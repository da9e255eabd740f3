package outbox

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// change is a change of the outbox that a caller requests. Changes that are requested during a transaction share the
// next one, in order: writing many rows to the disk takes no longer than writing one.
type change struct {
	now  time.Time
	plan func(*plan)           // may run several times, with the outbox's mutex held
	also func(*bbolt.Tx) error // stores more in the transaction, or nil; may run several times
	full *FullError            // lists the refused alarms, or nil
	done chan error
}

// do commits a change. If it returns nil, the change is on the disk.
func (o *Outbox) do(c *change) error {
	c.done = make(chan error, 1)
	o.mu.Lock()
	o.pending = append(o.pending, c)
	first := len(o.pending) == 1
	o.mu.Unlock()
	if first {
		o.commit()
	}
	return <-c.done
}

// commit commits all changes that were requested before the last transaction ended. A change whose own part fails is
// left out, and the others are planned again.
func (o *Outbox) commit() {
	o.commits.Lock()
	defer o.commits.Unlock()
	o.mu.Lock()
	changes := o.pending
	o.pending = nil
	o.mu.Unlock()
	for len(changes) > 0 {
		failed, err := o.attempt(changes)
		if failed != nil {
			changes = slices.DeleteFunc(changes, func(c *change) bool { return c == failed })
			failed.done <- err
			continue
		}
		for _, c := range changes {
			c.answer(o, err)
		}
		return
	}
}

// attempt commits several changes in one transaction. If one of them makes it fail, attempt returns that change.
func (o *Outbox) attempt(changes []*change) (failed *change, err error) {
	p, failed := o.planned(changes)
	if failed != nil {
		o.reportFull(failed.full)
		return failed, failed.full
	}
	if failed, err = o.write(p, changes); err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		p.rollback()
		return failed, fmt.Errorf("outbox: %w", err)
	}
	o.mu.Lock()
	p.apply()
	o.mu.Unlock()
	o.log.Entries(p.entries)
	return nil, nil
}

func (c *change) answer(o *Outbox, err error) {
	if err == nil && c.full != nil {
		o.reportFull(c.full)
		err = c.full
	}
	c.done <- err
}

// reportFull counts refused alarms. It logs them at most every reportTime, because they are retried.
func (o *Outbox) reportFull(e *FullError) {
	o.Metrics.AlarmsRefused.Add(float64(len(e.Refused)))
	o.refusedAlarms += len(e.Refused)
	if now := o.state.clock.run(); o.reported == 0 || now-o.reported >= reportTime {
		o.state.logger.Error("alarms were refused", "alarms", o.refusedAlarms, "err", e)
		o.refusedAlarms, o.reported = 0, now
	}
}

// reportTime is the minimum time between log entries about refused alarms.
const reportTime = 10 * time.Second

// planned returns the plan of all changes. A change that also stores something else is atomic: if some of its alarms
// are refused, planned returns the change.
func (o *Outbox) planned(changes []*change) (p *plan, refused *change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p = o.state.newPlan()
	for _, c := range changes {
		p.now, p.refused = c.now, nil
		c.plan(p)
		p.announceTouched()
		if c.full = p.refused; c.full != nil && c.also != nil {
			return nil, c
		}
	}
	p.storm()
	p.shrink()
	p.diff()
	p.numberEntries()
	p.lock()
	return p, nil
}

// write runs the transaction. If the function also of a change fails, write returns that change.
func (o *Outbox) write(p *plan, changes []*change) (failed *change, err error) {
	more := slices.ContainsFunc(changes, func(c *change) bool { return c.also != nil })
	if len(p.alarms)+len(p.views)+len(p.added)+len(p.removed)+len(p.dead)+len(p.silences) == 0 && !p.notesWindows() && !more {
		return nil, nil
	}
	err = o.state.dir.Update(func(tx *bbolt.Tx) error {
		for _, failed = range changes {
			if failed.also == nil {
				continue
			}
			if err := failed.also(tx); err != nil {
				return err
			}
		}
		failed = nil
		return p.store(tx)
	})
	return failed, err
}
