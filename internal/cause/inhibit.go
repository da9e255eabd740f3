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
