package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trapline/internal/ledger"
)

// change is a change of the outbox that a caller requests. Changes that are requested during a transaction share the
// next one, in order: writing many rows to the disk takes no longer than writing one.
type change struct {
	now    time.Time
	plan   func(*plan)     // may run several times, with the outbox's mutex held
	more   []ledger.Write  // of others, in the same transaction
	whole  bool            // it is left out if some of its alarms are refused
	forced bool            // it is committed even if nothing changes
	until  context.Context // while it lasts, the caller waits for the engine of a cluster, and some time longer; nil: only that time
	shards map[string]bool // those that it touches; nil without a cluster
	err    error           // of some of them; the others are as planned
	full   *FullError      // lists the refused alarms, or nil
	done   chan error
}

// do commits a change. If it returns nil, the change is on the disk.
func (o *Outbox) do(c *change) error {
	c.done = make(chan error, 1)
	o.mu.Lock()
	if c.until == nil && o.unanswered() {
		o.mu.Unlock()
		return ErrInDoubt
	}
	o.pending = append(o.pending, c)
	first := !o.queued
	o.queued = true
	o.mu.Unlock()
	switch {
	case first && o.state.shards != nil:
		go o.commit() // which may take as long as the engine does not answer
	case first:
		o.commit()
	}
	if o.state.shards != nil {
		return o.await(c)
	}
	return <-c.done
}

// commit commits all changes that were requested before the last transaction ended. A change that has a write of its own
// that is refused is left out, and the others are planned again.
func (o *Outbox) commit() {
	o.commits.Lock(context.Background())
	defer o.commits.Unlock()
	o.mu.Lock()
	changes := o.pending
	o.pending, o.queued = nil, false
	o.mu.Unlock()
	defer o.ask()()
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
	if failed != nil && failed.err != nil {
		return failed, failed.err
	}
	if failed != nil {
		o.reportFull(failed.full)
		return failed, failed.full
	}
	var lost map[string]error
	if failed, lost, err = o.write(p, changes); err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		p.rows.Rollback()
		return failed, fmt.Errorf("outbox: %w", err)
	}
	o.mu.Lock()
	p.apply()
	if p.shards != nil {
		o.state.forgetLost(p, changes, lost)
	}
	o.mu.Unlock()
	o.log.Entries(p.entries)
	return nil, nil
}

func (c *change) answer(o *Outbox, err error) {
	if err == nil && c.full != nil {
		o.reportFull(c.full)
		err = c.full
	}
	c.done <- cmp.Or(err, c.err)
}

// reportFull counts refused alarms. It logs them at most every reportTime, because they are retried.
func (o *Outbox) reportFull(e *FullError) {
	o.Metrics.AlarmsRefused.Add(float64(len(e.Refused)))
	o.refusedAlarms += len(e.Refused)
	if now := o.state.clock.Run(); o.reported == 0 || now-o.reported >= reportTime {
		o.state.logger.Error("alarms were refused", "alarms", o.refusedAlarms, "err", e)
		o.refusedAlarms, o.reported = 0, now
	}
}

// reportTime is the minimum time between log entries about refused alarms.
const reportTime = 10 * time.Second

// planned returns the plan of all changes. If some alarms of a change are refused that is to be applied as a whole,
// planned returns the change.
func (o *Outbox) planned(changes []*change) (p *plan, refused *change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p = o.state.newPlan()
	for _, c := range changes {
		p.now, p.refused = c.now, nil
		if p.shards != nil {
			p.shards = map[string]bool{}
		}
		c.plan(p)
		p.announceTouched()
		if p.shards != nil && !p.owns(c) {
			return nil, c
		}
		if c.full = p.refused; c.full != nil && c.whole {
			return nil, c
		}
	}
	p.storm()
	p.shrink()
	p.rows.Diff(func(seq uint64) bool { return p.state.shards.Counter(seq) > p.state.seq })
	p.numberEntries()
	p.rows.Lock()
	return p, nil
}

// write commits the plan, and the writes of others. If a write of a change is refused, write returns that change.
// lost are the errors of shards of a cluster whose writes may not be applied: all others are.
func (o *Outbox) write(p *plan, changes []*change) (failed *change, lost map[string]error, err error) {
	var writes []ledger.Write
	forced := false
	for _, c := range changes {
		writes = append(writes, c.more...)
		forced = forced || c.forced || c.whole
	}
	if !forced && len(writes) == 0 && p.changesNothing() {
		return nil, nil, nil
	}
	if o.state.shards == nil {
		own, err := p.writes()
		if err != nil {
			return nil, nil, err
		}
		err = o.state.store.Commit(context.Background(), append(writes, own...))
		if refused := (*ledger.Refused)(nil); errors.As(err, &refused) {
			return ownerOf(refused.At, changes), nil, err
		}
		return nil, nil, err
	}
	if lost, err = o.writeShards(p, writes, forced); err == nil {
		return nil, lost, nil
	}
	if refused := (*ledger.Refused)(nil); errors.As(err, &refused) {
		return ownerOf(refused.At, changes), nil, err
	}
	return nil, nil, err
}

// ownerOf returns the change that a write is of, nil if it is of the plan.
func ownerOf(at int, changes []*change) *change {
	for _, c := range changes {
		if at < len(c.more) {
			return c
		}
		at -= len(c.more)
	}
	return nil
}
