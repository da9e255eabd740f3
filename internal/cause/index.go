// Package cause computes which alarms are consequences of other ones: by inhibit rules, as Alertmanager's. Nothing that
// it computes is stored. It has no clock, disk or network.
package cause

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// Index has the active alarms that inhibit other ones, or may be inhibited, by the values of the labels that must be
// equal: an alarm that begins or ends concerns only alarms with the same values.
type Index struct {
	rules  []Rule
	labels func(*alarm.Alarm) mute.Labels
	base   *Index             // nil, or the index that this one changes, which changes no other one
	nodes  map[string]*node   // by ID of the alarm; nil hides that of base
	groups map[group]*members // without those of base
	rings  *rings             // nil if nothing is known of the index as it is

	before map[group][2]*node // the oldest sources of changed groups, before the change
	hidden map[step]int       // how many of the oldest sources of base are hidden
}

// group identifies the alarms that a rule compares with each other.
type group struct {
	rule   int
	values string
}

// node is an alarm in the groups of an index. It is immutable.
type node struct {
	key, id, name string // key is "" if others have the alarm; name is for people
	at            time.Time
	in            []membership
	middle        bool // it is a source and a target
}

// membership is the membership in a group. A member that is both is inhibited only by those that are not.
type membership struct {
	group          group
	source, target bool
}

func (m membership) both() bool { return m.source && m.target }

// members are the members of a group, the oldest first.
type members struct {
	sources [2][]*node // those that are no targets; the others
	targets [2][]*node // of those that are in the middle; the others
}

// NewIndex returns an index without alarms. labels are those that matchers compare.
func NewIndex(rules []Rule, labels func(*alarm.Alarm) mute.Labels) *Index {
	return &Index{rules: rules, labels: labels, nodes: map[string]*node{}, groups: map[group]*members{}, before: map[group][2]*node{}, hidden: map[step]int{}}
}

// Changing returns an index that begins as x. x must not change as long as it is in use.
func (x *Index) Changing() *Index {
	if x.Empty() {
		return x
	}
	c := NewIndex(x.rules, x.labels)
	c.base = x
	return c
}

// Relabel replaces the labels that matchers compare. The alarms for which they differ are to be put anew.
func (x *Index) Relabel(labels func(*alarm.Alarm) mute.Labels) {
	if !x.Empty() {
		x.labels = labels
	}
}

// Empty reports whether there are no rules.
func (x *Index) Empty() bool { return x == nil || len(x.rules) == 0 }

// Set replaces an alarm; s is nil if it is not active. The key is "" if another process has the alarm: it inhibits, Touched leaves it out,
// and it replaces none that has a key.
func (x *Index) Set(id, key string, s *alarm.State) {
	if x.Empty() {
		return
	}
	if was, is := x.node(id), x.newNode(key, s); !was.equal(is) && !was.hides(key) {
		x.replace(id, was, is)
	}
}

// Put is Set for an index that changes another one.
func (x *Index) Put(id, key string, s *alarm.State) {
	if x.Empty() {
		return
	}
	was, is := x.node(id), x.newNode(key, s)
	if was.equal(is) || was.hides(key) {
		return
	}
	for _, n := range []*node{was, is} {
		for _, m := range n.memberships() {
			if _, known := x.before[m.group]; m.source && !known {
				x.before[m.group] = x.oldest(m.group)
			}
		}
	}
	x.replace(id, was, is)
}

// Touched returns the keys of the alarms that may have begun or ceased to be inhibited by other ones since the last call.
// changed reports whether others than Put have changed an alarm since the index began: these are among them.
func (x *Index) Touched(changed func(key string) bool) (keys []string) {
	if len(x.before) == 0 {
		return nil
	}
	seen := map[*node]bool{}
	add := func(n *node) bool {
		if !seen[n] && n.key != "" {
			seen[n] = true
			keys = append(keys, n.key)
		}
		return true
	}
	x.follow(func(n *node) bool {
		if x.nodes[n.id] != nil || changed(n.key) || x.differs(n.id) {
			add(n)
		}
		return true
	})
	for g, before := range x.before {
		if before != x.oldest(g) {
			x.targets(g, 1, add)
		}
	}
	clear(x.before)
	return keys
}

// differs reports whether an alarm is inhibited by another one than before the index began.
func (x *Index) differs(id string) bool {
	was, before := x.base.Inhibited(id)
	is, inhibited := x.Inhibited(id)
	return was != is || before != inhibited
}

// follow calls f for the alarms in the middle that the sources of changed groups inhibit, directly or by others: they may
// be in a ring.
func (x *Index) follow(f func(*node) bool) {
	done := map[group]bool{}
	next := slices.Collect(maps.Keys(x.before))
	for len(next) > 0 {
		g := next[0]
		if next = next[1:]; done[g] {
			continue
		}
		done[g] = true
		x.targets(g, 0, func(n *node) bool {
			for _, m := range n.in {
				if m.source && !done[m.group] {
					next = append(next, m.group)
				}
			}
			return f(n)
		})
	}
}

func (n *node) memberships() []membership {
	if n == nil {
		return nil
	}
	return n.in
}

func (n *node) source() bool {
	return slices.ContainsFunc(n.memberships(), func(m membership) bool { return m.source })
}

// hides reports whether an alarm with a key is replaced by none that has the key.
func (n *node) hides(key string) bool { return n != nil && n.key != "" && key == "" }

func (n *node) equal(other *node) bool {
	if n == nil || other == nil {
		return n == other
	}
	return n.name == other.name && n.at.Equal(other.at) && n.key == other.key && slices.Equal(n.in, other.in)
}

// newNode returns the node of an active alarm, nil if no rule concerns it.
func (x *Index) newNode(key string, s *alarm.State) *node {
	if s == nil {
		return nil
	}
	a := s.Alarm()
	n := &node{key: key, id: a.ID, at: a.RaisedAt, name: strings.Join(slices.DeleteFunc([]string{a.Rule, a.Target, a.Resource}, func(s string) bool { return s == "" }), " ")}
	l := x.labels(a)
	var source, target bool
	for i := range x.rules {
		r := &x.rules[i]
		m := membership{source: l.Match(r.source), target: l.Match(r.target)}
		if !m.source && !m.target {
			continue
		}
		values := make([]string, len(r.equal))
		for j, name := range r.equal {
			values[j] = l.Get(name)
		}
		m.group = group{i, strings.Join(values, "\x00")}
		n.in = append(n.in, m)
		source, target = source || m.source, target || m.target
	}
	if n.middle = source && target; n.in == nil {
		return nil
	}
	return n
}

// Inhibits reports whether an alarm inhibits others, or would if they were active, and whether that has changed since the index began.
func (x *Index) Inhibits(id string) (inhibits, changed bool) {
	if x.Empty() {
		return false, false
	}
	n := x.node(id)
	if inhibits = n.source(); x.base == nil {
		return inhibits, false
	}
	was := x.base.node(id)
	return inhibits, inhibits != was.source() || inhibits && !was.equal(n)
}

// node returns the node of an alarm, or nil.
func (x *Index) node(id string) *node {
	if n, own := x.nodes[id]; own || x.base == nil {
		return n
	}
	return x.base.node(id)
}

func (x *Index) replace(id string, was, is *node) {
	x.rings = nil
	if x.nodes[id] == was {
		x.list(was, remove)
	}
	switch {
	case is != nil || x.base != nil:
		x.nodes[id] = is
	default:
		delete(x.nodes, id)
	}
	x.list(is, insert)
}

// list changes the lists that a node is in.
func (x *Index) list(n *node, change func([]*node, *node) []*node) {
	for _, m := range n.memberships() {
		all := x.groups[m.group]
		if all == nil {
			all = &members{}
			x.groups[m.group] = all
		}
		if i := index(m.target); m.source {
			all.sources[i] = change(all.sources[i], n)
		}
		if i := index(!n.middle); m.target {
			all.targets[i] = change(all.targets[i], n)
		}
		if len(all.sources[0])+len(all.sources[1])+len(all.targets[0])+len(all.targets[1]) == 0 {
			delete(x.groups, m.group)
		}
	}
}

func index(second bool) int {
	if second {
		return 1
	}
	return 0
}

func byAge(a, b *node) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) }

func insert(list []*node, n *node) []*node {
	i, _ := slices.BinarySearchFunc(list, n, byAge)
	return slices.Insert(list, i, n)
}

func remove(list []*node, n *node) []*node {
	if i, found := slices.BinarySearchFunc(list, n, byAge); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// each calls f for the nodes of a list that the index has, until f returns false.
func (x *Index) each(g group, list func(*members) []*node, f func(*node) bool) bool {
	for at := x; at != nil; at = at.base {
		all := at.groups[g]
		if all == nil {
			continue
		}
		for _, n := range list(all) {
			if (at == x || x.node(n.id) == n) && !f(n) {
				return false
			}
		}
	}
	return true
}

// targets calls f for the targets of a group: those in the middle for 0, the others for 1.
func (x *Index) targets(g group, i int, f func(*node) bool) bool {
	return x.each(g, func(all *members) []*node { return all.targets[i] }, f)
}

// sources calls f for the sources of a group: those that are no targets for 0, the others for 1.
func (x *Index) sources(g group, i int, f func(*node) bool) bool {
	return x.each(g, func(all *members) []*node { return all.sources[i] }, f)
}

// oldest returns the oldest sources of a group, those that are no targets and the others.
func (x *Index) oldest(g group) (first [2]*node) {
	for i := range first {
		first[i] = x.first(step{g, i})
		if x.base != nil {
			first[i] = older(first[i], x.firstOfBase(step{g, i}))
		}
	}
	return first
}

// first returns the first of the own nodes of a list.
func (x *Index) first(s step) *node {
	if all := x.groups[s.group]; all != nil && len(all.sources[s.list]) > 0 {
		return all.sources[s.list][0]
	}
	return nil
}

// firstOfBase returns the first node of a list of base that is not hidden. One that is hidden remains so.
func (x *Index) firstOfBase(s step) *node {
	all := x.base.groups[s.group]
	if all == nil {
		return nil
	}
	list, i := all.sources[s.list], x.hidden[s]
	for i < len(list) && x.node(list[i].id) != list[i] {
		i++
		x.hidden[s] = i
	}
	if i == len(list) {
		return nil
	}
	return list[i]
}

func older(a, b *node) *node {
	if a == nil || b != nil && byAge(b, a) < 0 {
		return b
	}
	return a
}
