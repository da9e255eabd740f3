package poller

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/human"
)

const (
	// tooLate is by how much the beginning of a pass counts as late.
	tooLate = time.Second
	// overrunGrace is how long after its deadline a pass has to end.
	overrunGrace = 30 * time.Second
	// maxAbandoned is how many passes over one target may be given up that have not ended.
	maxAbandoned = 2
)

// poll makes a pass that was due at a time.
func (p *Poller) poll(ctx context.Context, s *state, t *Target, due time.Time) {
	place, ok := p.enter(ctx, s)
	if !ok {
		p.rest(s)
		return
	}
	defer place.leave()
	p.began(s, due)
	bounded, cancel := context.WithTimeout(ctx, t.Interval)
	defer cancel()
	start, progress := time.Now(), client.NewProgress(place.answer)
	bounded = client.WithProgress(bounded, progress)
	var over atomic.Bool // one way or the other
	ended := make(chan struct{})
	unwatch := context.AfterFunc(bounded, func() {
		if overruns(ended) && ctx.Err() == nil && over.CompareAndSwap(false, true) {
			place.leave()
			p.abandon(s, t, outOfTime(bounded, t, start, progress.Answered()))
		}
	})
	pass := p.options.RunDue(bounded, t, s.clocks)
	unwatch()
	close(ended)
	if !over.CompareAndSwap(false, true) {
		if s.abandoned.Add(-1) == maxAbandoned {
			p.rest(s) // there may be another one again
		}
		return
	}
	if ctx.Err() == nil && !pass.canceled() {
		p.keep(s, t, pass)
	}
	p.rest(s)
	if pass.Up {
		p.identify(ctx, s, t)
		if p.options.Answered != nil {
			p.options.Answered(ctx, t)
		}
	}
}

// rest notes that no poll of s runs. One that became due meanwhile begins: a device that is silent for as long as a
// poll may last would be polled half as often otherwise, as its poll ends at the very moment when the next is due.
func (p *Poller) rest(s *state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.rest()
	if s.overdue {
		s.overdue = false
		p.schedule.hasten(s, p.clock.now())
		p.wake()
	}
}

// overruns reports whether a pass whose time is over does not end. The grace begins when its end is noticed,
// which is late where the whole machine stalls.
func overruns(ended <-chan struct{}) bool {
	grace := time.NewTimer(overrunGrace)
	defer grace.Stop()
	select {
	case <-ended:
		return false
	case <-grace.C:
		return true
	}
}

// enter waits until a pass may begin.
func (p *Poller) enter(ctx context.Context, s *state) (*place, bool) {
	last := s.last.Load()
	if last != nil && last.Up {
		return p.places.enter(ctx, true, nil)
	}
	waiting := p.unresponsive
	if last == nil {
		waiting = p.newcomers
	}
	if !waiting.enter(ctx) {
		return nil, false
	}
	return p.places.enter(ctx, false, waiting.leave)
}

// began notes the beginning of a pass.
func (p *Poller) began(s *state, due time.Time) {
	delay := p.clock.now().Sub(due)
	p.pulse.beat()
	s.delay.Store(int64(delay))
	if delay > tooLate {
		s.late.Add(1)
	}
	if p.options.ObserveDelay != nil {
		p.options.ObserveDelay(delay)
	}
}

// canceled reports whether the pass was given up by its caller, so that it says nothing of the target.
func (p *Pass) canceled() bool {
	return slices.ContainsFunc(p.Errors, func(e *access.Error) bool { return e.Reason == access.Canceled })
}

// outOfTime returns a pass that stands for one that does not end.
func outOfTime(ctx context.Context, t *Target, start time.Time, answered bool) *Pass {
	err := client.OutOfTime(ctx, "walk", t.Spec.Address)
	return &Pass{Start: start, Duration: time.Since(start), Errors: access.Errors(err), Err: err, Up: answered}
}

// abandon detaches a pass that does not end after its deadline, so that its target is polled again.
func (p *Poller) abandon(s *state, t *Target, pass *Pass) {
	p.options.Logger.Error("a poll has not ended although its time is over; this is a bug in Trapline, please report it", "target", t.Name, "after", pass.Duration)
	if p.options.Overran != nil {
		p.options.Overran(t)
	}
	p.keep(s, t, pass)
	if s.abandoned.Add(1) <= maxAbandoned {
		p.rest(s)
	}
}

func (p *Poller) keep(s *state, t *Target, pass *Pass) {
	rebooted := s.took(pass)
	before, after := s.summarize(t, pass)
	if !before.describes(after) {
		p.described.Add(1)
	}
	s.remember(before, pass, rebooted)
	now := time.Now()
	if p.version.Add(1); p.hour.polled(now, pass.Up) {
		p.hour.census(now, *p.roster.Load())
	}
	p.report(before, after)
	if p.options.Entered != nil && before.State != after.State && (before.State != Waiting || after.State != Up) {
		p.options.Entered(t, after.Changes[len(after.Changes)-1])
	}
	p.reportDuplicates(s, t, pass)
	p.reportLimit(s, t, pass)
	if p.options.Ended != nil {
		p.options.Ended(s.report(t, time.Now()))
	}
}

// maxLogged bounds the duplicates in one line of the log.
const maxLogged = 3

// reportDuplicates logs which samples of a pass were dropped, until others are.
func (p *Poller) reportDuplicates(s *state, t *Target, pass *Pass) {
	if len(pass.Duplicates) == 0 && pass.Err != nil || slices.Equal(pass.Duplicates, s.reported) {
		return
	}
	if s.reported = pass.Duplicates; len(s.reported) == 0 {
		return
	}
	var names []string
	for _, d := range s.reported[:min(len(s.reported), maxLogged)] {
		names = append(names, d.Name+"{"+d.Labels+"}")
	}
	p.options.Logger.Warn("several samples have the same name and labels: all but the first are dropped", "target", t.Name, "dropped", len(s.reported), "series", names)
}

// reportLimit logs once that auto did not search for all enterprises of a target.
func (p *Poller) reportLimit(s *state, t *Target, pass *Pass) {
	if pass.Choice == nil || !pass.Choice.More || s.limited {
		return
	}
	s.limited = true
	p.options.Logger.Warn("auto may not read all that a device has: it has objects of more enterprises than are searched for", "target", t.Name, "enterprises", len(pass.Choice.Enterprises))
}

// report logs a change of a target's state in one line, and everything else for those who debug.
func (p *Poller) report(before, after *Summary) {
	pass, name := after.Last, after.Target.Name
	switch log := p.options.Logger; {
	case after.State == Down && before.State != Down:
		log.Warn("target down", after.logged()...)
	case pass.Up && pass.Err != nil && (before.State == Down || before.Last == nil || before.Last.Err == nil):
		log.Warn("target partial", after.logged()...)
	case pass.Up && before.State == Down:
		log.Info("target up", "target", name, "down_for", human.Duration(after.Since.Sub(before.Since)))
	}
	p.options.Logger.Debug("poll ended", "target", name, "up", pass.Up, "duration", pass.Duration, "varbinds", pass.Stats.VarBinds,
		"packets", pass.Stats.Packets, "retries", pass.Stats.Retries, "err", pass.Err)
}

// logged are the attributes of the line that says that a target is not up.
func (u *Summary) logged() []any {
	problems := u.Problems()
	if len(problems) == 0 {
		return []any{"target", u.Target.Name}
	}
	w := problems[0]
	return []any{"target", u.Target.Name, "reason", w.Reason, "text", w.Cut(lineRoom - len(u.Target.Name) - len(w.Reason))}
}

// lineRoom is the length that a line of 200 characters has for a target's name, the reason and the text, beside the time, the
// level, the source and the names of all attributes.
const lineRoom = 90
