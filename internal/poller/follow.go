package poller

// Follower tells how a target fares over passes that somebody else makes, as a Poller does over its own.
type Follower struct{ state }

// Follow begins with a target of which nothing is known.
func Follow(t *Target) *Follower { return &Follower{state{target: t}} }

// Took gives what is known about the target right after a pass.
func (f *Follower) Took(p *Pass) Report {
	f.took(p)
	return f.report(f.target, p.Start.Add(p.Duration))
}
