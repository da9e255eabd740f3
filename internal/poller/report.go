package poller

import "trapline/internal/series"

// Report is a target with its last poll.
type Report struct {
	Target *Target
	Last   *Pass       // nil before the first pass has ended
	Health *series.Set // the target's self metrics, as of the call
}

// Group returns the series of the target: those of the last pass, unless the target did not answer in
// it, and its self metrics.
func (r *Report) Group() series.Group {
	g := r.Self()
	if r.Last != nil {
		g.Sets = append(g.Sets, r.Last.Sets...)
	}
	return g
}

// Device returns the series of the last pass alone, with the reasons of incomplete tables, for clients that
// label targets themselves.
func (r *Report) Device() series.Group {
	return series.Group{Sets: append([]*series.Set{{Columns: failures(r.Last)}}, r.Last.Sets...)}
}

// Self returns the self metrics of the target.
func (r *Report) Self() series.Group {
	return series.Group{Labels: r.Target.Rendered, Sets: []*series.Set{r.Health}}
}

// Tracker reports on a target over passes that others make, as a Poller does over its own.
type Tracker struct{ state state }

// NewTracker returns a tracker of a target that has not been polled.
func NewTracker(t *Target) *Tracker { return &Tracker{state: state{target: t}} }

// Observe notes a pass and returns the report right after it.
func (t *Tracker) Observe(p *Pass) Report {
	t.state.took(p)
	return t.state.report(t.state.target, p.Start.Add(p.Duration))
}
