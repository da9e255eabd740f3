package poller

import "trapline/internal/series"

// Report is what is known about a target.
type Report struct {
	Target *Target
	Last   *Pass       // nil before the first pass has ended
	Health *series.Set // how the target fares, as of when it was asked
}

// Group gives the series of the target: those of the last pass, unless the target did not answer in
// it, and those that say how it fares.
func (r *Report) Group() series.Group {
	g := r.Self()
	if r.Last != nil {
		g.Sets = append(g.Sets, r.Last.Sets...)
	}
	return g
}

// Device gives the series of the last pass alone, with what is missing from it, for those who tell
// targets apart by themselves.
func (r *Report) Device() series.Group {
	return series.Group{Sets: append([]*series.Set{{Columns: failures(r.Last)}}, r.Last.Sets...)}
}

// Self gives the series that say how the target fares.
func (r *Report) Self() series.Group {
	return series.Group{Labels: r.Target.Rendered, Sets: []*series.Set{r.Health}}
}

// Tracker tells how a target fares over passes that somebody else makes, as a Poller does over its own.
type Tracker struct{ state }

// NewTracker begins with a target of which nothing is known.
func NewTracker(t *Target) *Tracker { return &Tracker{state{target: t}} }

// Observe gives what is known about the target right after a pass.
func (f *Tracker) Observe(p *Pass) Report {
	f.took(p)
	return f.report(f.target, p.Start.Add(p.Duration))
}
