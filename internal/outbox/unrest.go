package outbox

import (
	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// unrest counts the raise or the clear of an alarm. It reports whether the alarm is to be muted after this raise, because
// it comes and goes.
func (p *plan) unrest(was, is *alarm.State) (flaps bool) {
	switch {
	case was == nil:
		p.mutes, flaps = p.mutes.Changed(p.owner, is.Alarm(), true, p.run)
		is.Flaps = flaps
	case is == nil:
		p.mutes, _ = p.mutes.Changed(p.owner, was.Alarm(), false, p.run)
	}
	return flaps
}

// calm ends the mutes of alarms that are quiet, and of a storm that is over.
func (p *plan) calm() {
	p.changeMutes(&mute.Change{Set: p.mutes.Calm(p.owner, p.run)})
}

// calmText removes from the text of an alarm that it comes and goes, once it does not.
func (p *plan) calmText(key string) {
	if s := p.Alarm(key); s != nil && s.Flaps && !p.mutes.IsFlapping(s.ID) {
		c := s.Clone()
		c.Flaps = false
		p.PutAlarm(key, c)
	}
}

// storm raises, renews or clears the alarm about a storm.
func (p *plan) storm() {
	set, a, on := p.mutes.Storm(p.owner, p.run)
	p.mutes = set
	_, known := p.state.sources[mute.StormRule]
	switch {
	case a != nil:
		p.transition(&Transition{Alarm: *a, Active: true})
	case known && !on:
		p.transition(&Transition{Alarm: alarm.Alarm{ID: mute.StormRule}})
	}
}
