package poller

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/history"
)

// Report returns the report on a target; ok is false if none has that name.
func (p *Poller) Report(name string) (r Report, ok bool) {
	p.mu.Lock()
	s, ok := p.states[name]
	if !ok {
		p.mu.Unlock()
		return Report{}, false
	}
	t := s.target
	p.mu.Unlock() // passes begin with it
	return s.report(t, time.Now()), true
}

// Reports returns the reports on all targets, sorted by name.
func (p *Poller) Reports() []Report {
	type pair struct {
		state  *state
		target *Target
	}
	p.mu.Lock()
	pairs := make([]pair, 0, len(p.states))
	for _, s := range p.states {
		pairs = append(pairs, pair{s, s.target})
	}
	p.mu.Unlock() // passes begin with it
	now := time.Now()
	reports := make([]Report, 0, len(pairs))
	for _, x := range pairs {
		reports = append(reports, x.state.report(x.target, now))
	}
	slices.SortFunc(reports, func(a, b Report) int { return strings.Compare(a.Target.Name, b.Target.Name) })
	return reports
}

// Summaries returns the summary of each target, sorted by name.
func (p *Poller) Summaries() []*Summary {
	states := *p.roster.Load()
	list := make([]*Summary, len(states))
	for i, s := range states {
		list[i] = s.summary.Load()
	}
	return list
}

// Version changes when a summary does.
func (p *Poller) Version() uint64 { return p.version.Load() }

// Described changes when the targets do, or a target answers or ceases to, has another profile or another sysName.
func (p *Poller) Described() uint64 { return p.described.Load() }

// Detail is a Summary with counters.
type Detail struct {
	Summary                                        *Summary
	Polls, Missed, Late, Packets, Retries, Reboots int64
	Next                                           time.Time // when the next poll is due
}

// Detail returns the detail of a target; ok is false if none has that name.
func (p *Poller) Detail(name string) (d Detail, ok bool) {
	p.mu.Lock()
	s, ok := p.states[name]
	if ok {
		d.Next = time.Now().Add(s.next.Sub(p.clock.now()))
	}
	p.mu.Unlock()
	if !ok {
		return Detail{}, false
	}
	d.Summary = s.summary.Load()
	d.Polls, d.Missed, d.Late = s.passes.Load(), s.missed.Load(), s.late.Load()
	d.Packets, d.Retries, d.Reboots = s.packets.Load(), s.retries.Load(), s.reboots.Load()
	return d, true
}

// History returns the rates of a target between its last two polls, and if points are wanted its histories.
func (p *Poller) History(name string, points bool) []history.View {
	p.mu.Lock()
	s := p.states[name]
	p.mu.Unlock()
	if s == nil || s.history == nil {
		return nil
	}
	return s.history.Views(points)
}

// Hour returns the minutes of the last hour in which polls ended, the oldest first.
func (p *Poller) Hour(now time.Time) []Minute {
	p.hour.census(now, *p.roster.Load())
	p.hour.mu.Lock()
	defer p.hour.mu.Unlock()
	var list []Minute
	for begin := now.Truncate(time.Minute).Add(-(hourMinutes - 1) * time.Minute); !begin.After(now); begin = begin.Add(time.Minute) {
		if m := p.hour.minutes[slot(begin)]; m.At.Equal(begin) && m.Total > 0 {
			list = append(list, m)
		}
	}
	return list
}

// Check returns an error if polling stands still: no pass has begun for three intervals although there are
// targets.
func (p *Poller) Check() error {
	shortest := time.Duration(p.pulse.shortest.Load())
	still := time.Since(p.pulse.since) - time.Duration(p.pulse.began.Load())
	if shortest == 0 || still < max(stillIntervals*shortest, minStill) {
		return nil
	}
	return fmt.Errorf("polling stands still: no poll has begun for %v, and there are targets with an interval of %v", still.Round(time.Second), shortest)
}

// Fresh returns the last pass over t's device, when it was made for the same modules with the same
// credentials, is complete and no older than maxAge.
func (p *Poller) Fresh(t *Target, maxAge time.Duration, now time.Time) *Pass {
	if maxAge <= 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.states {
		if s.target.Name != t.Name && s.target.Spec.Address != t.Spec.Address {
			continue
		}
		last := s.last.Load()
		if last != nil && last.Err == nil && len(last.Carried) == 0 && now.Sub(last.Start) <= maxAge && s.target.sameQuestion(t) {
			return last
		}
	}
	return nil
}

func (t *Target) sameQuestion(u *Target) bool {
	a, b := *t, *u
	a.Params, b.Params = Target{}.Params, Target{}.Params
	return a.key() == b.key()
}
