package poller

import (
	"math"
	"time"

	"trapline/internal/history"
)

// maxApart is by how many halves of an interval two polls may be apart for a rate between them: with more, whatever
// happened in between would look like a steady flow.
const maxApart = 5

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
	poll := history.Poll{After: pass.Sets, Steps: steps}
	if last := before.Answered; last != nil {
		poll.Before, poll.Elapsed = last.Sets, at.Sub(last.middle())
		poll.Comparable = !rebooted && 2*poll.Elapsed < maxApart*before.Target.Interval
	}
	s.history.Answered(&poll)
}

// middle is when, about, the numbers of a poll were read.
func (p *Pass) middle() time.Time { return p.Start.Add(p.Duration / 2) }

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
