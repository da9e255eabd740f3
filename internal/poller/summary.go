package poller

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// State is how a target fared in its last poll.
type State uint8

// The states. A target is Partial that answered, but of which something is missing.
const (
	Waiting State = iota // its first poll has not ended
	Up
	Partial
	Down
)

func (s State) String() string { return [...]string{"waiting", "up", "partial", "down"}[s] }

// State is how the target fared in the poll; of a nil Pass it is Waiting.
func (p *Pass) State() State {
	switch {
	case p == nil:
		return Waiting
	case !p.Up:
		return Down
	case p.Err != nil || len(p.Duplicates) > 0:
		return Partial
	}
	return Up
}

// Summary is what lists show of a target, as of the end of its last poll. It is not changed once made.
type Summary struct {
	Target   *Target
	Last     *Pass     // nil before the first poll has ended
	Answered *Pass     // the last that was answered, which is Last unless the target is down; nil if none was
	Identity *Identity // nil while it is unknown
	Search   string    // name, address, sysName and labels in lower case, one in a line
	State    State
	Since    time.Time // when it entered State; zero while it waits
	Samples  int       // of Last
	Outcomes Outcomes
	Changes  []Change // of State, the newest last
}

// Change is a change of a target's state.
type Change struct {
	At     time.Time
	State  State
	Reason string // the value of the label reason; "" of Up
	Text   string // why, in one sentence
}

// maxChanges is how many changes of its state are kept of a target.
const maxChanges = 10

// search is what a search looks at.
func search(t *Target, id *Identity) string {
	parts := []string{t.Name, t.Spec.Address}
	if id != nil {
		parts = append(parts, id.SysName)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		parts = append(parts, t.Labels[name])
	}
	return strings.ToLower(strings.Join(parts, "\n"))
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

// change describes the state that u has entered.
func (u *Summary) change(at time.Time) Change {
	c := Change{At: at, State: u.State}
	if problems := u.Problems(); len(problems) > 0 {
		c.Reason, c.Text = string(problems[0].Reason), problems[0].First()
	}
	return c
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

// Detail is what is known of a target beside its Summary.
type Detail struct {
	Summary                                        *Summary
	Polls, Missed, Late, Packets, Retries, Reboots int64
	Next                                           time.Time // when the next poll is due
}

// Detail returns what is known of a target; ok is false where none has that name.
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
