package discovery

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"trapline/internal/facts"
)

// guard keeps targets that a list has lost all at once: a broken server must not end the alarms of a fleet.
type guard struct {
	maxDrop int // of 100
	grace   time.Duration

	accepted map[string]*Entry // by name: those that are polled
	missing  map[string]absent // of them: those that the list has no more; nil if none are kept
}

// absent is a target that is kept.
type absent struct {
	entry  *Entry
	since  time.Time
	agreed int // refreshes since then that lacked it, too
}

// step takes the targets of a list, and returns those to poll. Refreshed reports that the list was read again.
func (g *guard) step(wanted map[string]*Entry, refreshed bool, now time.Time) map[string]*Entry {
	missing := map[string]absent{}
	named := assignedKeys(wanted)
	for name, e := range g.accepted {
		if wanted[name] != nil || e.assigned && named[e.key] {
			continue
		}
		a, known := g.missing[name]
		switch {
		case !known:
			a = absent{entry: e, since: now}
		case refreshed:
			a.agreed++
		}
		missing[name] = a
	}
	if g.missing == nil && !g.tooMany(len(missing), len(wanted)) {
		return g.accept(wanted)
	}
	maps.DeleteFunc(missing, func(_ string, a absent) bool { return now.Sub(a.since) >= g.grace && a.agreed >= 2 })
	forgetOldest(missing, maxTargets-len(wanted))
	if len(missing) == 0 {
		return g.accept(wanted)
	}
	return g.keep(wanted, missing)
}

// forgetOldest removes the targets that are missing longest, beyond a number.
func forgetOldest(missing map[string]absent, most int) {
	over := len(missing) - max(0, most)
	if over <= 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(missing), func(a, b string) int {
		return cmp.Or(missing[a].since.Compare(missing[b].since), cmp.Compare(a, b))
	})
	for _, name := range names[:over] {
		delete(missing, name)
	}
}

// keep adds targets that are missing to those of the list.
func (g *guard) keep(wanted map[string]*Entry, missing map[string]absent) map[string]*Entry {
	kept := maps.Clone(wanted)
	for name, a := range missing {
		kept[name] = a.entry
	}
	g.accepted, g.missing = kept, missing
	return kept
}

// assignedKeys returns the devices whose names are assigned: one with another name than before is not lost.
func assignedKeys(wanted map[string]*Entry) map[facts.Key]bool {
	keys := map[facts.Key]bool{}
	for _, e := range wanted {
		if e.assigned {
			keys[e.key] = true
		}
	}
	return keys
}

// resume goes on to keep targets that the guard of the process before has kept.
func (g *guard) resume(wanted, kept map[string]*Entry, now time.Time) {
	missing := map[string]absent{}
	for name, e := range kept {
		if wanted[name] == nil {
			missing[name] = absent{entry: e, since: now}
		}
	}
	g.keep(wanted, missing)
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

// end returns when targets may go at the earliest, zero if none are kept.
func (g *guard) end() (end time.Time) {
	for _, a := range g.missing {
		if at := a.since.Add(g.grace); end.IsZero() || at.Before(end) {
			end = at
		}
	}
	return end
}
