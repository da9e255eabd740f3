package poller

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/clocks"
	"trapline/internal/history"
	"trapline/internal/series"
)

// state is kept about a target from pass to pass. The schedule owns next; running and the
// numbers are shared with the pass.
type state struct {
	target   *Target // of the next pass; the Poller's mutex guards it
	next     time.Time
	begun    time.Time   // when the last poll was due; guarded as target
	position int         // in the schedule
	overdue  bool        // another pass waits for the end of the one that runs; guarded as target
	running  atomic.Bool // a pass, unless it was abandoned
	last     atomic.Pointer[Pass]

	ending sync.Mutex
	ended  chan struct{} // closed when the poll that runs has ended; nil while nobody waits for it

	summary      atomic.Pointer[Summary]
	missedBefore int64        // that are in the summary
	identifyAt   atomic.Int64 // when the target is to be asked who it is, in nanoseconds
	identifying  atomic.Bool

	clocks *clocks.Memory

	history    *history.Target // nil where none is kept
	remembered time.Time       // when the last point of it was read

	uptime   float64            // of the agent in the last pass that asked for it, in hundredths of a second
	uptimeAt time.Time          // when that was
	reported []series.Duplicate // that were logged
	limited  bool               // it was logged that auto did not search for all enterprises

	abandoned atomic.Int32 // passes that have not ended
	delay     atomic.Int64 // of the last pass, in nanoseconds

	passes, missed, late, packets, retries, varbinds, duplicates, problems, reboots atomic.Int64
}

// took adds a pass to the counters, and reports whether the target's agent began anew before it.
func (s *state) took(pass *Pass) (rebooted bool) {
	s.passes.Add(1)
	s.packets.Add(int64(pass.Stats.Packets))
	s.retries.Add(int64(pass.Stats.Retries))
	s.varbinds.Add(int64(pass.Stats.VarBinds))
	s.duplicates.Add(int64(len(pass.Duplicates)))
	s.problems.Add(int64(pass.Unconverted))
	if rebooted = s.noteUptime(pass); rebooted {
		s.identifyAt.Store(0)
	}
	s.last.Store(pass)
	return rebooted
}

func (s *state) report(t *Target, now time.Time) Report {
	return Report{t, s.last.Load(), s.selfSet(now)}
}

// update replaces the summary by a changed copy, which it returns.
func (s *state) update(change func(*Summary)) *Summary {
	for {
		old := s.summary.Load()
		next := *old
		change(&next)
		if s.summary.CompareAndSwap(old, &next) {
			return &next
		}
	}
}

// summarize takes the poll over t that has ended into the summary. Only the one who made the poll calls it.
func (s *state) summarize(t *Target, pass *Pass) (before, after *Summary) {
	missed := s.missed.Load()
	left := missed - s.missedBefore
	s.missedBefore = missed
	ended := pass.Start.Add(pass.Duration)
	before = s.summary.Load()
	after = s.update(func(u *Summary) {
		u.Target, u.Last, u.State = t, pass, pass.State()
		if pass.Up {
			u.Presence = u.presence(pass)
			u.Answered = pass
		}
		u.Samples = 0
		for _, set := range pass.Sets {
			u.Samples += set.Len()
		}
		for range min(left, maxOutcomes) {
			u.Outcomes.add(missedOutcome)
		}
		u.Outcomes.add(outcome(u.State))
		if u.State != before.State {
			u.Since = ended
			u.Changes = append(slices.Clone(before.Changes[max(len(before.Changes)-maxChanges+1, 0):]), u.change(ended))
		}
	})
	return before, after
}

// presence is that of metrics after a pass that was answered.
func (u *Summary) presence(pass *Pass) *series.Presence {
	var before Pass
	if u.Answered != nil {
		before = *u.Answered
	}
	return u.Presence.After(before.Sets, before.Start.Add(before.Duration), pass.Sets, pass.Start.Add(pass.Duration))
}

// postpone makes a pass that is due wait for the end of the one that runs. Only one waits: any other is missed.
func (s *state) postpone() {
	if s.overdue {
		s.missed.Add(1)
	}
	s.overdue = true
}

// awaitEnd returns a channel that is closed when a poll has ended.
func (s *state) awaitEnd() <-chan struct{} {
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
	return s.ended
}

// rest notes that no poll runs.
func (s *state) rest() {
	s.running.Store(false)
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

// maxHalfIntervals is by how many halves of an interval two polls may be apart for a rate between them: with more, whatever
// happened in between would look like a steady flow.
const maxHalfIntervals = 5

// remember takes a poll into the histories of the target. Before is the summary until then.
func (s *state) remember(before *Summary, pass *Pass, rebooted bool) {
	if s.history == nil {
		return
	}
	at := pass.middle()
	steps := 1
	if !s.remembered.IsZero() {
		steps = int(math.Round(float64(at.Sub(s.remembered)) / float64(before.Target.Interval)))
	}
	if steps = max(steps, 0); steps > 0 {
		s.remembered = at
	}
	if !pass.Up {
		s.history.Silent(steps)
		return
	}
	poll := history.Poll{After: pass.thatWereRead(), Steps: steps}
	if last := before.Answered; last != nil {
		poll.Before, poll.Elapsed = last.thatWereRead(), at.Sub(last.middle())
		poll.Comparable = !rebooted && 2*poll.Elapsed < maxHalfIntervals*before.Target.Interval
	}
	s.history.Answered(&poll)
}
