package union

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/fleet"
	"trapline/internal/human"
)

// Process has the state of all members. Its methods may be called concurrently.
type Process struct {
	fleet *Fleet

	mu    sync.Mutex
	asked time.Time
	parts []part[api.Status]
}

// NewProcess returns the state of the members of a fleet.
func NewProcess(f *Fleet) *Process { return &Process{fleet: f} }

// statusAge is how old the states of other members may be: every page shows them.
const statusAge = time.Second

// Warnings says why answers are not complete.
func (p *Process) Warnings() []string { return p.fleet.union.Warnings() }

// Usages returns how much the targets of the other members use modules.
func (p *Process) Usages() []map[string]*catalog.Usage {
	parts, _ := answers(gather[map[string]*catalog.Usage](p.fleet.union, list(usagesPath))) // a member of another version refuses
	return parts
}

// Status adds the states of the other members to that of this one.
func (p *Process) Status(own api.Status) api.Status {
	parts := p.gathered()
	s := own
	s.Alarms.BySeverity = maps.Clone(own.Alarms.BySeverity)
	s.Attention, s.LastHour, s.Slowest = slices.Clone(own.Attention), slices.Clone(own.LastHour), slices.Clone(own.Slowest)
	for i := range parts {
		if parts[i].err == nil {
			addStatus(&s, &parts[i].data)
		}
	}
	p.addUnknown(&s, silent(parts))
	members := p.fleet.union.members
	s.Cluster = &api.ClusterState{Member: members.Name(), Members: len(members.Peers()) + 1, Absent: append([]string{}, members.Absent()...), Silent: append([]string{}, p.fleet.union.silent()...)}
	slices.SortFunc(s.LastHour, func(a, b api.Minute) int { return a.At.Compare(b.At) })
	slices.SortFunc(s.Slowest, func(a, b api.SlowPoll) int {
		return cmp.Or(cmp.Compare(b.Duration, a.Duration), cmp.Compare(a.Target, b.Target))
	})
	s.Slowest = s.Slowest[:min(len(s.Slowest), fleet.MaxSlowest)]
	return s
}

func (p *Process) gathered() []part[api.Status] {
	p.mu.Lock()
	defer p.mu.Unlock() // one asks at a time: the others find its answers
	if p.asked.IsZero() || time.Since(p.asked) > statusAge {
		p.parts = gather[api.Status](p.fleet.union, list("/api/v1/status"))
		p.asked = time.Now()
	}
	return p.parts
}

// addUnknown counts the targets of members that do not answer, and names these in front.
func (p *Process) addUnknown(s *api.Status, asked map[string]error) {
	why := map[string]int{}
	for _, u := range p.fleet.unanswered(asked) {
		why[u.Why]++
		s.Targets.Total++
		s.Targets.Unknown++
	}
	var first []api.Attention
	for _, text := range p.fleet.union.members.Concerns() {
		first = append(first, api.Attention{Kind: "member", Text: text, Path: "/cluster"})
	}
	for _, text := range slices.Sorted(maps.Keys(why)) {
		first = append(first, api.Attention{Kind: "member", Text: fmt.Sprintf("%s: %s unknown.", human.Capitalized(text), human.Count(why[text], "target is", "targets are")), Path: "/targets?q=state%3Dunknown"})
	}
	s.Attention = append(first, s.Attention...)
}

// addStatus adds the state of another member. Rules and receivers are the same in all: what is counted of them is how many fire
// and what waits.
func addStatus(s, part *api.Status) {
	of, with := float64(s.Targets.Total), float64(part.Targets.Total)
	mean := func(to *float64, other float64) {
		if of+with > 0 {
			*to = (*to*of + other*with) / (of + with)
		}
	}
	mean(&s.Polls.AnsweredRatio, part.Polls.AnsweredRatio)
	mean(&s.Polls.MedianSeconds, part.Polls.MedianSeconds)
	mean(&s.Polls.RetransmittedRatio, part.Polls.RetransmittedRatio)
	s.Polls.Percentile99 = max(s.Polls.Percentile99, part.Polls.Percentile99)
	addCounts(&s.Targets, &part.Targets)
	s.Series.Total += part.Series.Total
	s.Series.PerSecond += part.Series.PerSecond
	r, other := &s.Rules, &part.Rules
	r.Total, r.Failing, r.WithoutData = max(r.Total, other.Total), max(r.Failing, other.Failing), min(r.WithoutData, other.WithoutData)
	r.Firing, r.Pending, r.SlowestSeconds = r.Firing+other.Firing, r.Pending+other.Pending, max(r.SlowestSeconds, other.SlowestSeconds)
	to, from := &s.Receivers, &part.Receivers
	to.Total, to.Failing = max(to.Total, from.Total), max(to.Failing, from.Failing)
	to.Waiting, to.GivenUp = to.Waiting+from.Waiting, to.GivenUp+from.GivenUp
	addAlarms(&s.Alarms, &part.Alarms)
	for _, a := range part.Attention {
		if !slices.ContainsFunc(s.Attention, func(b api.Attention) bool { return a.Kind == b.Kind && a.Text == b.Text }) {
			s.Attention = append(s.Attention, a)
		}
	}
	for _, m := range part.LastHour {
		i := slices.IndexFunc(s.LastHour, func(n api.Minute) bool { return n.At.Equal(m.At) })
		if i < 0 {
			s.LastHour = append(s.LastHour, m)
			continue
		}
		s.LastHour[i].Down += m.Down
		s.LastHour[i].Partial += m.Partial
		s.LastHour[i].Total += m.Total
	}
	s.Slowest = append(s.Slowest, part.Slowest...)
}

func addAlarms(to, part *api.AlarmCounts) {
	to.Total += part.Total
	to.Baseline += part.Baseline
	to.Active += part.Active
	to.Muted += part.Muted
	to.Acknowledged += part.Acknowledged
	if to.BySeverity == nil {
		to.BySeverity = map[string]int{}
	}
	for severity, n := range part.BySeverity {
		to.BySeverity[severity] += n
	}
}
