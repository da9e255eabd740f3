package plan

import (
	"slices"
	"time"
)

// Planner decides when the plan changes. Its times are of any clock that never goes back. It is not safe for concurrent use.
type Planner struct {
	lease  time.Duration
	voters []string

	begun   bool
	first   time.Duration            // of Next
	guarded bool                     // planned members are absent
	since   time.Duration            // when the first of the planned members had vanished
	joined  map[string]time.Duration // members that have not been given their share yet, and when they came
	settled map[string]bool          // the other living members
	moved   []moves                  // within the last minute, for balance
}

type moves struct {
	at time.Duration
	n  int
}

// firstWait is how long a first plan waits for all voters, so that the first to start does not poll everything.
const firstWait = 5 * time.Second

// movesPerMinute is the share of all shards that move for balance between members that have theirs.
const movesPerMinute = 0.05

// NewPlanner returns the planner of a coordinator that was elected just now.
func NewPlanner(lease time.Duration, voters []string) *Planner {
	return &Planner{lease: lease, voters: voters, joined: map[string]time.Duration{}, settled: map[string]bool{}}
}

// Next returns the plan for these members, and after which time to ask again if a change waits for time alone; else 0.
func (p *Planner) Next(now time.Duration, previous Plan, members []Member, shards []Shard) (Plan, time.Duration) {
	if !p.begun {
		p.begun, p.first = true, now
		p.settle(previous, members)
	}
	if len(previous.Members) == 0 {
		if wait := p.first + firstWait - now; wait > 0 && p.votersAbsent(members) {
			return previous, wait
		}
	}
	if wait := p.guard(now, previous, members); wait > 0 {
		return previous, wait
	}
	fill, wait := p.newcomers(now, members)
	if fill {
		return Next(previous, members, shards, len(shards)), wait
	}
	allowed, freed := p.allowed(now, max(1, int(movesPerMinute*float64(len(shards)))))
	next := Next(previous, members, shards, allowed)
	if n := balanced(previous, next, members); n > 0 {
		p.moved = append(p.moved, moves{now, n})
	}
	if len(p.moved) > 0 {
		wait = earliest(wait, freed)
	}
	return next, wait
}

// allowed returns how many shards may move for balance now, and after which time it is asked again: a move counts for a
// minute.
func (p *Planner) allowed(now time.Duration, perMinute int) (n int, freed time.Duration) {
	p.moved = slices.DeleteFunc(p.moved, func(m moves) bool { return now-m.at >= time.Minute })
	n, freed = perMinute, time.Minute
	for _, m := range p.moved {
		n -= m.n
		freed = min(freed, m.at+time.Minute-now)
	}
	return max(0, n), freed
}

// earliest returns the shorter of two waits; 0 is none.
func earliest(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// settle says who needs no share to begin with: those that have shards already.
func (p *Planner) settle(previous Plan, members []Member) {
	for _, owner := range previous.Owners {
		p.settled[owner] = true
	}
	for name := range p.settled {
		if !alive(members, name) {
			delete(p.settled, name)
		}
	}
}

// newcomers reports whether a member came that gets its whole share at once: it has lived for a lease, so that one that
// dies as often as it starts takes no targets with it. Else it returns when one will have.
func (p *Planner) newcomers(now time.Duration, members []Member) (fill bool, wait time.Duration) {
	for name := range p.settled {
		if !alive(members, name) {
			delete(p.settled, name)
		}
	}
	for name := range p.joined {
		if !alive(members, name) {
			delete(p.joined, name)
		}
	}
	for _, m := range members {
		if !p.settled[m.Name] {
			if _, known := p.joined[m.Name]; !known {
				p.joined[m.Name] = now
			}
		}
	}
	for name, at := range p.joined {
		switch left := at + p.lease - now; {
		case left <= 0:
			fill = true
			p.settled[name] = true
			delete(p.joined, name)
		default:
			wait = earliest(wait, left)
		}
	}
	return fill, wait
}

func (p *Planner) votersAbsent(members []Member) bool {
	return slices.ContainsFunc(p.voters, func(voter string) bool { return !alive(members, voter) })
}

func alive(members []Member, name string) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return m.Name == name })
}

// together is the part of a lease within which members vanish at once.
const together = 20

// guard returns how long the plan stays because members vanished, a lease if they are half of them or more. A leader that was
// paused and goes on may revoke the leases of all, one after the other: everybody then opens a new session, and takes its own
// shards again.
func (p *Planner) guard(now time.Duration, previous Plan, members []Member) time.Duration {
	vanished := 0
	for _, name := range previous.Members {
		if !alive(members, name) {
			vanished++
		}
	}
	if vanished == 0 {
		p.guarded = false
		return 0
	}
	if !p.guarded {
		p.guarded, p.since = true, now
	}
	wait := p.lease / together
	if 2*vanished >= len(previous.Members) {
		wait = p.lease
	}
	return p.since + wait - now
}

// balanced counts the shards that moved from a member that could have kept them.
func balanced(previous, next Plan, members []Member) (n int) {
	keeps := map[string]bool{}
	for _, m := range members {
		keeps[m.Name] = !m.Draining && m.Weight > 0
	}
	for shard, owner := range next.Owners {
		if before := previous.Owners[shard]; before != owner && keeps[before] {
			n++
		}
	}
	return n
}
