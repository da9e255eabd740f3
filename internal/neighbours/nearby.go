package neighbours

import (
	"net/netip"
	"slices"
	"sync"
)

const (
	// MaxCandidates bounds the addresses that one Spread names.
	MaxCandidates = 100_000
	// maxNearby bounds the addresses in the readings of all targets.
	maxNearby = 1_000_000
)

// Nearby has the addresses that targets have, and those that stand in their tables, as they were read last.
type Nearby struct {
	mu       sync.Mutex
	readings map[string]nearReading // by target
	size     int                    // addresses in them
	changed  chan struct{}          // closed by the next change
}

type nearReading struct {
	own  []netip.Addr
	near []Near
}

// NewNearby returns no readings.
func NewNearby() *Nearby {
	return &Nearby{readings: map[string]nearReading{}, changed: make(chan struct{})}
}

// Heard takes a reading of a target.
func (n *Nearby) Heard(target string, r *Reading) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, known := n.readings[target]
	n.size -= len(before.near)
	next := nearReading{r.Addresses, r.Near[:min(len(r.Near), max(0, maxNearby-n.size))]}
	n.size += len(next.near)
	n.readings[target] = next
	if !known || !slices.Equal(before.own, next.own) || !slices.Equal(before.near, next.near) {
		n.touch()
	}
}

func (n *Nearby) touch() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// Touch closes the channel of Changed: the targets may be others.
func (n *Nearby) Touch() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.touch()
}

// Keep forgets the readings of all targets but some.
func (n *Nearby) Keep(target func(string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, r := range n.readings {
		if !target(name) {
			n.size -= len(r.near)
			delete(n.readings, name)
		}
	}
}

// Changed returns a channel that is closed when a reading is another one.
func (n *Nearby) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// Own returns the addresses that targets say to have, and whether a target was read.
func (n *Nearby) Own(target string) (list []netip.Addr, read bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, read := n.readings[target]
	return r.own, read
}

// Stations returns the addresses that targets have by ARP, nil if they are not wanted.
func (n *Nearby) Stations(wanted bool) map[netip.Addr]bool {
	if !wanted {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	stations := map[netip.Addr]bool{}
	for _, r := range n.readings {
		for _, at := range r.near {
			if at.By == ARP {
				stations[at.Address] = true
			}
		}
	}
	return stations
}

// Spread is the way from targets to those around them.
type Spread struct {
	Seeds           []string
	By              []Protocol
	Within, Exclude []netip.Prefix
	Depth           int                     // of the last addresses; those in the tables of the seeds have 1
	Owner           func(netip.Addr) string // the target that has an address, "" if none has
}

// Candidate is an address that is no target's.
type Candidate struct {
	Address netip.Addr
	In      string // the target in whose tables it stands
}

// Spread goes breadth first from the seeds to the targets in their tables. It returns how far each target is, and the
// addresses that are no target's, of which no table of a target takes the places of another's of the same depth.
func (n *Nearby) Spread(s *Spread) (depths map[string]int, candidates []Candidate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	depths = map[string]int{}
	var level []string
	for _, name := range s.Seeds {
		if _, seen := depths[name]; !seen {
			depths[name] = 0
			level = append(level, name)
		}
	}
	seen := map[netip.Addr]bool{}
	for depth := 1; depth <= s.Depth && len(level) > 0; depth++ {
		var next []string
		for place, rest := 0, level; len(rest) > 0; place++ {
			rest = slices.DeleteFunc(slices.Clone(rest), func(name string) bool { return place >= len(n.readings[name].near) })
			for _, name := range rest {
				at := n.readings[name].near[place]
				if seen[at.Address] || !slices.Contains(s.By, at.By) || !s.Inside(at.Address) {
					continue
				}
				seen[at.Address] = true
				owner := s.Owner(at.Address)
				if owner == "" && len(candidates) < MaxCandidates {
					candidates = append(candidates, Candidate{at.Address, name})
				}
				if _, reached := depths[owner]; owner != "" && !reached {
					depths[owner] = depth
					next = append(next, owner)
				}
			}
		}
		level = next
	}
	return depths, candidates
}

// Inside reports whether an address may be asked. Loopback is not, but where a network says so.
func (s *Spread) Inside(a netip.Addr) bool {
	in := func(p netip.Prefix) bool {
		return p.Contains(a) && (!a.IsLoopback() || p.Addr().IsLoopback()) && !isEnd(p, a)
	}
	return slices.ContainsFunc(s.Within, in) && !slices.ContainsFunc(s.Exclude, func(p netip.Prefix) bool { return p.Contains(a) })
}

// isEnd reports whether an address is that of an IPv4 network, or its broadcast address.
func isEnd(p netip.Prefix, a netip.Addr) bool {
	return a.Is4() && p.Bits() < 31 && (a == p.Masked().Addr() || a == lastOf(p.Masked()))
}
