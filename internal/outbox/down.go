package outbox

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
)

// Down returns the targets of which active alarms say that they do not answer, which matchers select.
func (o *Outbox) Down(m mute.Matchers) map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.index.Use(m, o.state.mutes)
	return o.state.index.Downs.Targets()
}

// DownAlarms returns the alarms by which Down has targets.
func (o *Outbox) DownAlarms(targets map[string]bool) map[string]*alarm.Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.index.Downs.Alarms(targets, o.state.index.Active)
}

// downAt returns the keys of the alarms that may say that one of several targets does not answer, the oldest first: those
// that are active, and all that the plan changes or whose targets have other labels.
func (p *plan) downAt(targets map[string]bool) []string {
	all := p.state.index.Downs.Keys(targets)
	for key := range p.alarms {
		all[key] = true
	}
	for _, key := range p.relabeled {
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
	p.state.index.Use(o.Down, p.state.mutes)
	targets, of := map[string]bool{}, map[string]*alarm.Alarm{}
	for target := range o.Behind {
		targets[target] = true
	}
	maps.Copy(of, o.Alarms)
	for _, key := range p.downAt(targets) {
		a := p.Alarm(key).Alarm()
		if targets[a.Target] && o.Says(p.mutes.Labels(a)) {
			of[a.Target] = a
		}
	}
	return of
}
