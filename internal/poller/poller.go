// Package poller says when: it makes a pass over every target on the target's interval, and keeps
// the last one. It owns every goroutine that polls. Requests and conversion are those of the
// collector.
package poller

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/clocks"
	"trapline/internal/history"
	"trapline/internal/sorted"
)

// Options of a Poller.
type Options struct {
	PassOptions
	Logger       *slog.Logger
	Concurrency  int                            // devices that are talked to at once; 0 means DefaultConcurrency
	Elapsed      func() time.Duration           // since some moment, as boottime.Elapsed; nil means the monotonic clock
	ObserveDelay func(late time.Duration)       // how much after its time a pass began; may be nil
	Ended        func(Report)                   // called after each pass; may be nil
	Entered      func(*Target, Change)          // called when a target enters another state, but when its first poll is answered; may be nil
	Overran      func(*Target)                  // called of a pass that goes on after its deadline; may be nil
	Identify     bool                           // ask each target who it is, once an hour
	Identified   func(*Target, *Identity)       // called when a target has said who it is; may be nil
	Answered     func(context.Context, *Target) // called after each pass that was answered, in its place; may be nil
	History      *history.Store                 // of rates and histories; nil keeps none

	// Paused returns why a target is not polled at a moment, such as "maintenance CHG-1"; "" if it is. It may be nil.
	Paused func(target string, now time.Time) string
}

// Poller polls the targets it was last given.
type Poller struct {
	options Options
	changed chan struct{}
	clock   clock
	pulse   pulse

	// A pass over a device that answered in its last one begins as soon as there is a place. One over a
	// device that did not, or never was asked, takes a place with the first answer, and until then waits
	// for a slot: so no number of dead devices takes the places of those that live, nor do those known to
	// be dead delay the first meeting with others.
	places                  *places
	newcomers, unresponsive *slots

	changing sync.Mutex // one change of the targets at a time; taken before mu
	mu       sync.Mutex
	states   map[string]*state // changed only with changing and mu held
	schedule schedule          // of all states

	carried clocks.Budget

	roster  atomic.Pointer[[]*state] // sorted by name
	version atomic.Uint64
	// described is advanced when the targets change, or facts about a device itself
	described atomic.Uint64
	hour      hour
}

// New makes a Poller without targets.
func New(o Options) *Poller {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	p := &Poller{
		options: o, changed: make(chan struct{}, 1), clock: newClock(o.Elapsed),
		places: newPlaces(o.Concurrency), newcomers: newSlots(maxNewcomers), unresponsive: newSlots(maxUnresponsive),
		pulse: pulse{since: time.Now()}, states: map[string]*state{},
	}
	p.roster.Store(new([]*state))
	return p
}

// firstPassSpacing is the time between the first passes of targets that arrive together, unless they are so few that all
// can begin within fewTime.
const (
	firstPassSpacing = 5 * time.Millisecond
	fewTargets       = 500
	fewTime          = 250 * time.Millisecond
)

// spacing is the time between the first passes of so many targets.
func spacing(targets int) time.Duration {
	if targets > fewTargets {
		return firstPassSpacing
	}
	return min(firstPassSpacing, fewTime/time.Duration(max(targets, 1)))
}

// SetTargets replaces the targets. Those that did not change keep their pace and their last pass; a
// target that changed keeps its counters.
func (p *Poller) SetTargets(targets []*Target) {
	p.changing.Lock()
	defer p.changing.Unlock()
	named := make(map[string]bool, len(targets))
	var put []*Target
	for _, t := range targets {
		named[t.Name] = true
		if s := p.states[t.Name]; s == nil || s.target != t {
			put = append(put, t)
		}
	}
	var drop []string
	for name := range p.states {
		if !named[name] {
			drop = append(drop, name)
		}
	}
	p.change(put, drop)
}

// changesALock is how many targets change while the mutex is held once: polls that are due begin in between.
const changesALock = 100

// change adds or replaces targets, and removes others.
func (p *Poller) change(put []*Target, drop []string) {
	for names := range slices.Chunk(drop, changesALock) {
		p.mu.Lock()
		for _, name := range names {
			p.retire(p.states[name])
			delete(p.states, name)
		}
		p.mu.Unlock()
	}
	now, fresh, apart := p.clock.now(), 0, spacing(len(put))
	for targets := range slices.Chunk(put, changesALock) {
		same := make([]bool, len(targets))
		for i, t := range targets {
			s := p.states[t.Name]
			same[i] = s != nil && reflect.DeepEqual(s.target.identity(), t.identity())
		}
		p.mu.Lock()
		for i, t := range targets {
			s := p.states[t.Name]
			if same[i] {
				s.target = t
				p.schedule.replan(s, now)
				s.update(func(u *Summary) { u.Target = t })
				continue
			}
			first := min(time.Duration(fresh)*apart, offset(t.Name, t.Interval))
			fresh++
			due := now.Add(first)
			if s != nil && s.next.Before(due) {
				due = s.next // changes every few seconds put no poll off
			}
			p.retire(s)
			p.states[t.Name] = p.successor(s, t, due)
			p.schedule.add(p.states[t.Name])
		}
		p.mu.Unlock()
		p.wake()
	}
	p.enroll(put, drop)
	p.pulse.set(*p.roster.Load())
}

// wake makes Run look at the schedule.
func (p *Poller) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// enroll makes the list of the states out of the one before.
func (p *Poller) enroll(put []*Target, drop []string) {
	touched := make(map[string]bool, len(put)+len(drop))
	for _, name := range drop {
		touched[name] = true
	}
	fresh := make([]*state, 0, len(put))
	for _, t := range put {
		touched[t.Name] = true
		fresh = append(fresh, p.states[t.Name])
	}
	named := func(a, b *state) int { return strings.Compare(a.target.Name, b.target.Name) }
	roster := slices.Compact(sorted.Merge(*p.roster.Load(), func(s *state) bool { return !touched[s.target.Name] }, fresh, named))
	p.roster.Store(&roster)
	p.described.Add(1)
	p.version.Add(1)
}

// identity returns the properties of a target whose change resets its schedule and its last pass.
func (t *Target) identity() any {
	return []any{t.Labels, t.Spec, t.Params, t.Defaults, t.ModuleNames()}
}

// retire ends the state of a target that is gone or has changed, and the waiting for its next poll. s may be nil.
func (p *Poller) retire(s *state) {
	if s == nil {
		return
	}
	p.schedule.remove(s)
	if !s.running.Load() {
		s.rest()
	}
	s.clocks.Close()
	if s.history != nil {
		s.history.Close()
	}
}

// successor makes the state of a target that was added, or that has changed since s.
func (p *Poller) successor(s *state, t *Target, first time.Time) *state {
	next := &state{target: t, next: first, clocks: clocks.NewMemory(t.Name, &p.carried)}
	if p.options.History != nil {
		next.history = p.options.History.Target()
	}
	summary := &Summary{Target: t, Search: search(t, nil)}
	next.summary.Store(summary)
	if s != nil {
		old := s.summary.Load()
		summary.Outcomes, summary.Changes = old.Outcomes, old.Changes
		next.passes.Store(s.passes.Load())
		next.missed.Store(s.missed.Load())
		next.late.Store(s.late.Load())
		next.packets.Store(s.packets.Load())
		next.retries.Store(s.retries.Load())
		next.varbinds.Store(s.varbinds.Load())
		next.duplicates.Store(s.duplicates.Load())
		next.problems.Store(s.problems.Load())
		next.reboots.Store(s.reboots.Load())
	}
	return next
}

// Run polls until ctx is canceled, and returns nil once the passes in hand have ended. These end
// soon: they are canceled too.
func (p *Poller) Run(ctx context.Context) error {
	var passes sync.WaitGroup
	defer p.await(&passes)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.changed:
		case <-timer.C:
		}
		now := p.clock.now()
		timer.Reset(p.start(ctx, &passes, now).Sub(p.clock.now()))
	}
}

// endGrace is how long passes have to end that were canceled.
const endGrace = 10 * time.Second

// await waits for the passes in hand, but not for ever.
func (p *Poller) await(passes *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { passes.Wait(); close(ended) }()
	overrun := time.NewTimer(endGrace)
	defer overrun.Stop()
	select {
	case <-ended:
	case <-overrun.C:
		p.options.Logger.Error("polls have not ended although they were canceled; this is a bug in Trapline, please report it")
	}
}

// idle is how long Run sleeps when it has no target.
const idle = time.Hour

// start begins every pass that is due, and returns when the next one will be.
func (p *Poller) start(ctx context.Context, passes *sync.WaitGroup, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.schedule) > 0 {
		s := p.schedule[0]
		if s.next.After(now) {
			return s.next
		}
		due := s.next
		s.begun = now
		p.schedule.postpone(nextSlot(s.target, now))
		if p.pauses(s) {
			continue
		}
		if !s.running.CompareAndSwap(false, true) {
			s.postpone()
			continue
		}
		target := s.target
		passes.Go(func() { p.poll(ctx, s, target, due) })
	}
	return now.Add(idle)
}

// nextSlot is the next time that lies offset past a multiple of the interval, and far enough from
// now for a pass that begins now to end: a first pass does not keep to the slots.
func nextSlot(t *Target, now time.Time) time.Time {
	slot := now.Truncate(t.Interval).Add(offset(t.Name, t.Interval))
	for slot.Sub(now) < t.Interval/2 {
		slot = slot.Add(t.Interval)
	}
	return slot
}
