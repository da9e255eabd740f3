package cause

import (
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// Outage is why an alarm about a device that does not answer is muted.
type Outage struct {
	Kind mute.Kind // ByCause, ByMaintenance, BySettling or ByRecovery
	Name string    // of the device that is the cause, of the maintenance window, or of those that are asked
}

// Outages are the devices that do not answer and whose alarms are muted. They are immutable.
type Outages struct {
	Down   mute.Matchers       // of the alarms that say that a device does not answer; only these are muted
	Of     map[string]Outage   // by device
	Behind map[string][]string // names of the devices behind each cause, sorted

	Alarms map[string]*alarm.Alarm // about causes, which other members of a cluster have
}

// Muted returns the outage of a device.
func (o *Outages) Muted(device string) (one Outage, muted bool) {
	if o == nil {
		return one, false
	}
	one, muted = o.Of[device]
	return one, muted
}

// Outage returns why an alarm is muted.
func (o *Outages) Outage(l mute.Labels) (one Outage, muted bool) {
	if one, muted = o.Muted(l.Alarm.Target); !muted || !l.Match(o.Down) {
		return Outage{}, false
	}
	return one, true
}

// Says reports whether an alarm says that its device does not answer.
func (o *Outages) Says(l mute.Labels) bool {
	return o != nil && l.Alarm.Target != "" && l.Match(o.Down)
}

// Concerns reports whether a device has an outage, or devices behind it.
func (o *Outages) Concerns(device string) bool {
	if o == nil {
		return false
	}
	_, muted := o.Of[device]
	return muted || len(o.Behind[device]) > 0
}

// Concerned returns the devices that either of two concerns.
func (o *Outages) Concerned(other *Outages) map[string]bool {
	all := map[string]bool{}
	for _, one := range []*Outages{o, other} {
		if one == nil {
			continue
		}
		for name := range one.Of {
			all[name] = true
		}
		for name := range one.Behind {
			all[name] = true
		}
	}
	return all
}

// Follow adds the devices behind the one of an alarm to its state, and reports whether that changes what it says.
func (o *Outages) Follow(s *alarm.State, l mute.Labels) bool {
	if o == nil || len(o.Behind[l.Alarm.Target]) == 0 || !o.Says(l) {
		return false
	}
	return s.Follow(o.Behind[l.Alarm.Target])
}

// Reason returns the reason of a mute.
func (o Outage) Reason() mute.Reason {
	return mute.Reason{Kind: o.Kind, Name: o.Name}
}

// Reasons returns why an alarm is muted for all receivers, or those that want its cause.
func Reasons(mutes *mute.Set, causes *Index, outages *Outages, a *alarm.Alarm) []mute.Reason {
	list := mutes.Reasons(a)
	if one, muted := outages.Outage(mutes.Labels(a)); muted {
		list = append(list, one.Reason())
	}
	if c, inhibited := causes.Inhibited(a.ID); inhibited {
		list = slices.Insert(list, 0, c.Reason())
	}
	return list
}
