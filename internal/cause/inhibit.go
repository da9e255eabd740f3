package cause

import "trapline/internal/mute"

// Cause is why an alarm is inhibited.
type Cause struct {
	Alarm string // ID of the alarm that inhibits it
	Name  string // the same for people: its rule, target and resource
}

// Reason returns the reason of a mute.
func (c Cause) Reason() mute.Reason { return mute.Reason{Kind: mute.ByInhibition, Name: c.Name} }

// Inhibited returns why an alarm is inhibited: the oldest alarm that inhibits it. Inhibited alarms inhibit other ones,
// too; but of alarms that inhibit each other in a ring, and that nothing else inhibits, the oldest is not inhibited. So
// each inhibited alarm follows from one that is not.
func (x *Index) Inhibited(id string) (c Cause, inhibited bool) {
	if x.Empty() {
		return Cause{}, false
	}
	n := x.node(id)
	by := x.inhibitor(n)
	if by == nil || n.middle && x.leads(n) {
		return Cause{}, false
	}
	return Cause{Alarm: by.id, Name: by.name}, true
}

// inhibitor returns the oldest alarm that inhibits another one, or nil.
func (x *Index) inhibitor(n *node) (by *node) {
	for _, m := range n.memberships() {
		if !m.target {
			continue
		}
		first := x.oldest(m.group)
		if by = older(by, first[0]); !m.both() {
			by = older(by, first[1])
		}
	}
	return by
}

// leads reports whether an alarm is the oldest of a ring that nothing else inhibits.
func (x *Index) leads(n *node) bool {
	up := x.upstream(n)
	if up == nil {
		return false
	}
	for other := range up {
		if byAge(other, n) < 0 {
			return false
		}
	}
	return x.reaches(n, up)
}

// step is a list of a group that a walk has done: of the sources or targets with the index.
type step struct {
	group group
	list  int
}

// upstream returns the alarms that inhibit one, directly or by others; nil if one of them is not inhibited itself.
func (x *Index) upstream(n *node) map[*node]bool {
	up, done, next := map[*node]bool{}, map[step]bool{}, []*node{n}
	visit := func(other *node) bool {
		if up[other] {
			return true
		}
		up[other] = true
		next = append(next, other)
		return other.middle && x.inhibitor(other) != nil
	}
	for len(next) > 0 {
		n, next = next[len(next)-1], next[:len(next)-1]
		for _, m := range n.in {
			for i := range 2 {
				if s := (step{m.group, i}); m.target && !(i == 1 && m.both()) && !done[s] {
					if done[s] = true; !x.sources(m.group, i, visit) {
						return nil
					}
				}
			}
		}
	}
	return up
}

// reaches reports whether an alarm inhibits all of some alarms, directly or by others among them.
func (x *Index) reaches(n *node, all map[*node]bool) bool {
	reached, done, next := map[*node]bool{}, map[step]bool{}, []*node{n}
	for len(next) > 0 {
		n, next = next[len(next)-1], next[:len(next)-1]
		for _, m := range n.in {
			s := step{m.group, index(m.both())}
			if !m.source || done[s] {
				continue
			}
			done[s] = true
			x.targets(m.group, 0, func(other *node) bool {
				if all[other] && !reached[other] && !(m.both() && other.both(m.group)) {
					reached[other] = true
					next = append(next, other)
				}
				return true
			})
		}
	}
	return len(reached) == len(all)
}

// both reports whether an alarm is source and target in a group.
func (n *node) both(g group) bool {
	for _, m := range n.in {
		if m.group == g {
			return m.both()
		}
	}
	return false
}
