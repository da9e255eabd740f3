package discovery

import (
	"maps"
	"time"
)

// guard keeps targets that a list has lost all at once: a broken server must not end the alarms of a fleet.
type guard struct {
	maxDrop int // of 100
	grace   time.Duration

	accepted map[string]*Entry // by name: those that are polled
	missing  map[string]*Entry // of them: those that the list has no more
	since    time.Time
	agreed   int // refreshes since then that lacked the same
}

// step takes the targets of a list, and returns those to poll. Refreshed reports that the list was read again.
func (g *guard) step(wanted map[string]*Entry, refreshed bool, now time.Time) map[string]*Entry {
	missing := map[string]*Entry{}
	for name, e := range g.accepted {
		if wanted[name] == nil {
			missing[name] = e
		}
	}
	switch {
	case len(missing) == 0 || g.missing == nil && !g.tooMany(len(missing), len(wanted)):
		return g.accept(wanted)
	case g.missing == nil:
		g.since, g.agreed = now, 0
	case refreshed && sameNames(g.missing, missing):
		g.agreed++
	case refreshed:
		g.agreed = 0
	}
	g.missing = missing
	if now.Sub(g.since) >= g.grace && g.agreed >= 2 {
		return g.accept(wanted)
	}
	kept := maps.Clone(wanted)
	maps.Copy(kept, missing)
	g.accepted = kept
	return kept
}

// resume goes on to keep targets that the guard of the process before has kept.
func (g *guard) resume(wanted, kept map[string]*Entry, now time.Time) {
	g.accepted = maps.Clone(wanted)
	for name, e := range kept {
		if wanted[name] == nil {
			g.accepted[name] = e
		}
	}
	g.missing, g.since, g.agreed = kept, now, 0
}

// accept takes the list as it is.
func (g *guard) accept(wanted map[string]*Entry) map[string]*Entry {
	g.accepted, g.missing = wanted, nil
	return wanted
}

// tooMany reports whether a list that loses targets, and has others left, is to be doubted. Small lists are doubted only
// when they are empty.
func (g *guard) tooMany(lost, left int) bool {
	share := 100*lost > g.maxDrop*len(g.accepted)
	return share && g.maxDrop < 100 && (lost >= smallDrop || left == 0)
}

// end returns when the targets may go at the earliest, zero if none are kept.
func (g *guard) end() time.Time {
	if g.missing == nil {
		return time.Time{}
	}
	return g.since.Add(g.grace)
}

func sameNames(a, b map[string]*Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if b[name] == nil {
			return false
		}
	}
	return true
}
