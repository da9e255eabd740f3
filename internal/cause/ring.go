package cause

// vertex is an alarm, or the sources of a group that inhibit the same targets: a ring of many alarms has few edges between
// them and such lists.
type vertex struct {
	alarm *node // nil for a list
	list  step
}

// step is a list of the sources of a group: those that are no targets for 0, the others for 1.
type step struct {
	group group
	list  int
}

// rings finds the leaders of rings by Tarjan's algorithm: each alarm is looked at once as long as the index does not
// change. The alarms that inhibit each other, directly or by others, are a component.
type rings struct {
	x       *Index
	marks   map[vertex]*mark
	open    []vertex // of components that are not complete
	leaders map[*node]bool
}

type mark struct {
	at, low int  // the order of the walk; the first vertex of the component that is known to be reached
	done    bool // the component is complete
	outside bool // something else inhibits the component
}

// leads reports whether an alarm is the oldest of a ring that nothing else inhibits.
func (x *Index) leads(n *node) bool {
	r := x.known()
	if r.marks[vertex{alarm: n}] == nil {
		r.visit(vertex{alarm: n})
	}
	return r.leaders[n]
}

// known returns the rings as far as they are known.
func (x *Index) known() *rings {
	if x.base != nil && len(x.nodes) == 0 {
		return x.base.known()
	}
	if x.rings == nil {
		x.rings = &rings{x: x, marks: map[vertex]*mark{}, leaders: map[*node]bool{}}
	}
	return x.rings
}

// visit completes the component of a vertex, unless it is part of one that began before, and those of all that inhibit it.
func (r *rings) visit(v vertex) *mark {
	m := &mark{at: len(r.marks), low: len(r.marks)}
	r.marks[v] = m
	from := len(r.open)
	r.open = append(r.open, v)
	r.upstream(v, func(by vertex) bool {
		other := r.marks[by]
		if other == nil {
			other = r.visit(by)
		}
		if other.done {
			m.outside = true // that it does not lead is known: no need to look further
		} else {
			m.low = min(m.low, other.low)
		}
		return !m.outside
	})
	if m.low == m.at {
		r.complete(from)
	}
	return m
}

// complete completes a component.
func (r *rings) complete(from int) {
	var leader *node
	outside := false
	for _, v := range r.open[from:] {
		m := r.marks[v]
		m.done = true
		if outside = outside || m.outside; v.alarm != nil {
			leader = older(leader, v.alarm)
		}
	}
	if r.open = r.open[:from]; !outside {
		r.leaders[leader] = true
	}
}

// upstream calls f for the vertices that inhibit one, until f returns false.
func (r *rings) upstream(v vertex, f func(vertex) bool) {
	if v.alarm == nil {
		r.x.sources(v.list.group, v.list.list, func(n *node) bool { return f(vertex{alarm: n}) })
		return
	}
	for _, m := range v.alarm.in {
		for i, first := range r.x.oldest(m.group) {
			if inhibits := m.target && first != nil && !(i == 1 && m.both()); inhibits && !f(vertex{list: step{m.group, i}}) {
				return
			}
		}
	}
}
