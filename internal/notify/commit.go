package notify

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
	done chan error
}

// do makes a change. Without an error it is on the disk; with one, nothing has changed.
func (o *Outbox) do(c *change) error {
	c.done = make(chan error, 1)
	o.mu.Lock()
	o.asked = append(o.asked, c)
	first := len(o.asked) == 1
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
	changes := o.asked
	o.asked = nil
	o.mu.Unlock()
	for len(changes) > 0 {
		p := o.planned(changes)
		failed, err := o.write(p, changes)
		o.mu.Lock()
		if err != nil {
			p.abandon()
			err = fmt.Errorf("outbox: %w", err)
		} else {
			p.adopt()
		}
		o.mu.Unlock()
		if failed != nil {
			changes = slices.DeleteFunc(changes, func(c *change) bool { return c == failed })
			failed.done <- err
			continue
		}
		for _, c := range changes {
			c.done <- err
		}
		return
	}
}

func (o *Outbox) planned(changes []*change) *plan {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.newPlan()
	for _, c := range changes {
		p.now = c.now
		c.plan(p)
	}
	p.shrink()
	p.settle()
	p.hold()
	return p
}

// write is the transaction. Where it fails by what else one of the changes stores, it says by whose.
func (o *Outbox) write(p *plan, changes []*change) (failed *change, err error) {
	more := slices.ContainsFunc(changes, func(c *change) bool { return c.also != nil })
	if len(p.alarms)+len(p.added)+len(p.removed)+len(p.dead) == 0 && !more {
		return nil, nil
	}
	err = o.state.Update(func(tx *bbolt.Tx) error {
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
