package poller

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// ErrNoTarget is returned of names that no target has.
var ErrNoTarget = errors.New("no such target")

// PollNow has a target polled at once, by a poll of the schedule, and returns when that has ended. A poll that
// runs is joined: there is one at a time. The time of the next one is counted from here. It returns the cause
// why ctx ended first, or a *PausedError.
func (p *Poller) PollNow(ctx context.Context, name string) error {
	ended, err := p.hasten(name)
	if err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// PollAgain has a target polled at once, by a poll that begins after the call: one that runs is followed by it.
func (p *Poller) PollAgain(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.states[name]
	switch {
	case !ok:
	case s.running.Load():
		s.overdue = true
	default:
		p.schedule.hasten(s, p.clock.now())
		p.wake()
	}
}

// hasten makes a target due, unless a poll of it runs, and returns a channel that is closed when its poll has ended.
func (p *Poller) hasten(name string) (ended <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.states[name]
	if !ok {
		return nil, ErrNoTarget
	}
	if why := p.paused(name); why != "" {
		return nil, &PausedError{name, why}
	}
	ended = s.awaitEnd()
	if s.running.Load() {
		return ended, nil
	}
	p.schedule.hasten(s, p.clock.now())
	p.wake()
	return ended, nil
}

// Read returns the series that the pass read: all, or those of a Refresh.
func (p *Pass) Read() []*series.Set {
	if p.Refreshed != nil {
		return p.Refreshed
	}
	return p.Sets
}

// Rows are rows of a target that are read again.
type Rows struct {
	Indexes []snmp.OID                 // the last arcs of the names of their instances
	Of      func(column snmp.OID) bool // whether the tables of the rows have a column
}

// Refresh reads rows of a target again, by GET, and hands a copy of the last poll with their gauges to the one who judges
// polls. A poll that runs is awaited. If the last poll has none of the rows, the target is polled.
func (p *Poller) Refresh(ctx context.Context, name string, rows *Rows) error {
	s, err := p.idle(ctx, name)
	if err != nil {
		return err
	}
	last := s.last.Load()
	if last == nil || !last.Up {
		return p.PollNow(ctx, name)
	}
	p.mu.Lock()
	t := s.target
	p.mu.Unlock()
	pass, err := p.options.refresh(ctx, t, last, rows)
	if err != nil || pass == nil {
		return errors.Join(err, p.PollNow(ctx, name))
	}
	if s.last.CompareAndSwap(last, pass) && p.options.Ended != nil {
		p.options.Ended(s.report(t, time.Now()))
	}
	return nil
}

// idle returns the state of a target of which no poll runs: one that does is awaited. It returns a *PausedError of one that
// is paused.
func (p *Poller) idle(ctx context.Context, name string) (*state, error) {
	p.mu.Lock()
	s, ok := p.states[name]
	p.mu.Unlock()
	if !ok {
		return nil, ErrNoTarget
	}
	if why := p.paused(name); why != "" {
		return nil, &PausedError{name, why}
	}
	if ended := s.awaitEnd(); s.running.Load() {
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return s, nil
}

// Afresh returns the last poll of a target as of now, with nothing that was read again, for those who judge polls when
// something else about the target has changed. A poll that runs is awaited. Last is nil before the first poll has ended.
func (p *Poller) Afresh(ctx context.Context, name string) (Report, error) {
	s, err := p.idle(ctx, name)
	if err != nil {
		return Report{}, err
	}
	p.mu.Lock()
	now := time.Now()
	r := s.report(s.target, now)
	p.mu.Unlock()
	if r.Last != nil {
		pass := *r.Last
		pass.Start, pass.Duration, pass.Refreshed = now, 0, []*series.Set{}
		r.Last = &pass
	}
	return r, nil
}

// refresh returns a copy of a poll in which rows are read again, nil if it has none of them.
func (o *PassOptions) refresh(ctx context.Context, t *Target, last *Pass, rows *Rows) (*Pass, error) {
	pass := *last
	pass.Start, pass.Sets, pass.Refreshed = time.Now(), slices.Clone(last.Sets), nil
	session, err := o.Open(t.Spec)
	if err != nil {
		return nil, err
	}
	for i, m := range last.Modules[:min(len(last.Modules), len(last.Sets))] {
		if !rows.in(last.Sets[i]) || m.Plan.Columns == nil {
			continue
		}
		asked := collector.Options{WrapCounters: o.WrapCounters, KeepIndexes: true, Params: t.ParamsOf(m)}
		r := o.collect(ctx, m, &rowSession{session, rows}, asked)
		if r.Down() || ctx.Err() != nil {
			return nil, errors.Join(r.Err, context.Cause(ctx))
		}
		set, refreshed := rows.merge(last.Sets[i], r.Set)
		pass.Sets[i], pass.Refreshed = set, append(pass.Refreshed, refreshed)
	}
	pass.Duration = time.Since(pass.Start)
	if pass.Refreshed == nil {
		return nil, nil
	}
	return &pass, nil
}

// in reports whether a set has one of the rows.
func (r *Rows) in(set *series.Set) bool {
	return slices.ContainsFunc(set.Columns, func(c series.Column) bool {
		return r.Of(c.Desc.Object) && slices.ContainsFunc(r.Indexes, func(index snmp.OID) bool { return c.Table.RowWith(index) >= 0 })
	})
}

// ifCounterDiscontinuityTime is judged in whole polls only.
var ifCounterDiscontinuityTime = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.19")

// merge returns a copy of a set with the gauges that a refresh read, and these alone, with the labels that the set has.
func (r *Rows) merge(set, read *series.Set) (merged, refreshed *series.Set) {
	merged, refreshed = &series.Set{Columns: slices.Clone(set.Columns)}, &series.Set{}
	for i := range merged.Columns {
		c := &merged.Columns[i]
		if c.Desc.Type != series.Gauge || bytes.Equal(c.Desc.Object, ifCounterDiscontinuityTime) {
			continue
		}
		at := slices.IndexFunc(read.Columns, func(other series.Column) bool { return other.Desc == c.Desc })
		for _, index := range r.Indexes {
			row, from := c.Table.RowWith(index), -1
			if at >= 0 {
				from = read.Columns[at].Table.RowWith(index)
			}
			if row < 0 || from < 0 {
				continue
			}
			if only := read.Columns[at].InRow(from, c.Table, row); only.Len() > 0 {
				*c = c.Replaced(row, &only)
				refreshed.Columns = append(refreshed.Columns, only)
			}
		}
	}
	return merged, refreshed
}

// rowSession polls the instances of rows in place of the columns.
type rowSession struct {
	session collector.Session
	rows    *Rows
}

// Poll implements collector.Session.
func (s *rowSession) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	only := client.Plan{Params: p.Params}
	for _, index := range s.rows.Indexes {
		for _, column := range p.Columns {
			if s.rows.Of(column) {
				only.Get = append(only.Get, append(slices.Clip(slices.Clone(column)), index...))
			}
		}
		for _, name := range p.Get { // of a filter
			if column, found := bytes.CutSuffix(name, index); found && s.rows.Of(column) {
				only.Get = append(only.Get, name)
			}
		}
	}
	if len(only.Get) == 0 {
		return client.Stats{}, nil
	}
	return s.session.Poll(ctx, &only, yield)
}
