package outbox

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
)

// downs is an index of the active alarms that say that their target does not answer: these are looked at each second, and
// all others need not be.
type downs struct {
	matchers mute.Matchers
	mutes    *mute.Set                  // whose labels of targets were compared
	of       map[string]map[string]bool // keys of alarms by target
}

// set notes whether an alarm is active.
func (d *downs) set(key string, a *alarm.Alarm, active bool) {
	switch {
	case d.mutes == nil || a.Target == "":
	case !active:
		if delete(d.of[a.Target], key); len(d.of[a.Target]) == 0 {
			delete(d.of, a.Target)
		}
	case d.mutes.Labels(a).Match(d.matchers):
		if d.of[a.Target] == nil {
			d.of[a.Target] = map[string]bool{}
		}
		d.of[a.Target][key] = true
	}
}

// indexDowns has downs be about matchers and the labels that targets have.
func (st *state) indexDowns(m mute.Matchers) {
	d := &st.downs
	if d.mutes != nil && d.mutes.SameTargets(st.mutes) && slices.Equal(d.matchers, m) {
		return
	}
	*d = downs{matchers: m, mutes: st.mutes, of: map[string]map[string]bool{}}
	for key, s := range st.active {
		d.set(key, s.Alarm(), true)
	}
}

// Down returns the targets of which active alarms say that they do not answer, which matchers select.
func (o *Outbox) Down(m mute.Matchers) map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.indexDowns(m)
	said := make(map[string]bool, len(o.state.downs.of))
	for target := range o.state.downs.of {
		said[target] = true
	}
	return said
}

// downAt returns the keys of the alarms that may say that one of several targets does not answer, the oldest first: those
// that are active, and all that the plan changes.
func (p *plan) downAt(targets map[string]bool) []string {
	all := map[string]bool{}
	for target := range targets {
		maps.Copy(all, p.state.downs.of[target])
	}
	for key := range p.alarms {
		all[key] = true
	}
	maps.DeleteFunc(all, func(key string, _ bool) bool { return p.Alarm(key) == nil })
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		x, y := p.Alarm(a), p.Alarm(b)
		return cmp.Or(x.RaisedAt.Compare(y.RaisedAt), cmp.Compare(x.ID, y.ID))
	})
}

// causesOf returns the alarms of the devices that others are behind.
func (p *plan) causesOf(o *cause.Outages) map[string]*alarm.Alarm {
	p.state.indexDowns(o.Down)
	targets, of := map[string]bool{}, map[string]*alarm.Alarm{}
	for target := range o.Behind {
		targets[target] = true
	}
	for _, key := range p.downAt(targets) {
		a := p.Alarm(key).Alarm()
		if targets[a.Target] && o.Says(p.mutes.Labels(a)) {
			of[a.Target] = a
		}
	}
	return of
}
