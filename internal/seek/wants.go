package seek

import (
	"slices"

	"trapline/internal/neighbours"
)

// Reach is the targets that a list of neighbours has come to.
type Reach struct {
	By     []neighbours.Protocol
	Within int            // the depth behind which tables are not read
	Depths map[string]int // of the targets
}

// Wants is what targets are asked for. Of nil, nothing.
type Wants struct {
	own bool                  // all of them, for their addresses
	all []neighbours.Protocol // and by these tables
	by  map[string][]neighbours.Protocol
}

// NewWants returns what lists want that have come so far. With own, all targets are asked for their addresses; with
// stations, for ARP, too.
func NewWants(own, stations bool, reached map[string]Reach) *Wants {
	w := &Wants{own: own, by: map[string][]neighbours.Protocol{}}
	if stations {
		w.all = []neighbours.Protocol{neighbours.ARP}
	}
	for _, r := range reached {
		for name, depth := range r.Depths {
			if depth < r.Within {
				w.by[name] = union(w.by[name], r.By)
			}
		}
	}
	return w
}

// Of returns by which tables a target is to be asked for its neighbours; ok is false if it is not to be asked for its
// addresses either.
func (w *Wants) Of(target string) (by []neighbours.Protocol, ok bool) {
	if w == nil {
		return nil, false
	}
	return union(w.by[target], w.all), w.own
}

func union(a, b []neighbours.Protocol) []neighbours.Protocol {
	for _, p := range b {
		if !slices.Contains(a, p) {
			a = append(slices.Clip(a), p)
		}
	}
	return a
}
