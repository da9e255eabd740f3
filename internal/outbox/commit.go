package outbox

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// change is what one caller asks of the outbox. Those that come while a transaction is under way share
// the next one, in the order in which they came: a disk takes many rows as fast as one.
type change struct {
	now  time.Time
	plan func(*plan)           // may run several times, with the outbox's mutex held
	also func(*bbolt.Tx) error // what else is stored in the transaction, or nil; may run several times
	full *FullError            // what was refused
	done chan error
}

// do makes a change. Without an error it is on the disk.
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

// commit makes all changes that were asked for until the last transaction has ended. One whose own part
// fails is left out, and the others are planned anew.
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

// attempt is a transaction of several changes. Where it fails by one of them, it says by which.
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
	o.log.entries(p.entries)
	return nil, nil
}

func (c *change) answer(o *Outbox, err error) {
	if err == nil && c.full != nil {
		o.reportFull(c.full)
		err = c.full
	}
	c.done <- err
}

// reportFull counts alarms that were refused, and logs that now and then: they come again.
func (o *Outbox) reportFull(e *FullError) {
	o.Metrics.alarmsRefused.Add(float64(len(e.Refused)))
	o.refusedAlarms += len(e.Refused)
	if now := o.state.clock.run(); o.reported == 0 || now-o.reported >= reportTime {
		o.state.logger.Error("alarms were refused", "alarms", o.refusedAlarms, "err", e)
		o.refusedAlarms, o.reported = 0, now
	}
}

// reportTime is how far apart log entries about alarms that were refused are.
const reportTime = 10 * time.Second

// planned makes the plan of all changes. One that stores more than alarms is taken as a whole, or not: it is
// returned where some of its alarms are refused.
func (o *Outbox) planned(changes []*change) (p *plan, refused *change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p = o.state.newPlan()
	for _, c := range changes {
		p.now, p.refused = c.now, nil
		c.plan(p)
		if c.full = p.refused; c.full != nil && c.also != nil {
			return nil, c
		}
	}
	p.shrink()
	p.diff()
	p.numberEntries()
	p.lock()
	return p, nil
}

// write is the transaction. Where it fails by what else one of the changes stores, it says by whose.
func (o *Outbox) write(p *plan, changes []*change) (failed *change, err error) {
	more := slices.ContainsFunc(changes, func(c *change) bool { return c.also != nil })
	if len(p.alarms)+len(p.views)+len(p.added)+len(p.removed)+len(p.dead) == 0 && !more {
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
