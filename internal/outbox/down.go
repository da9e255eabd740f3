package outbox

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
)

// indexDowns has the index of alarms that say that their target does not answer be about matchers.
func (st *state) indexDowns(m mute.Matchers) { st.downs.Use(m, st.mutes, st.active) }

// relabel has the indexes compare the labels that targets have.
func (st *state) relabel(before *mute.Set) {
	st.causes.Relabel(st.mutes.Labels)
	st.downs.Relabel(before, st.mutes)
}

// reindex has the indexes compare the labels of alarms anew.
func (st *state) reindex(keys []string) {
	for _, key := range keys {
		if s := st.active[key]; s != nil {
			st.causes.Set(s.ID, key, s)
			st.downs.Set(key, s, false)
			st.downs.Set(key, s, true)
		}
	}
}

// Down returns the targets of which active alarms say that they do not answer, which matchers select.
func (o *Outbox) Down(m mute.Matchers) map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.indexDowns(m)
	return o.state.downs.Targets()
}

// downAt returns the keys of the alarms that may say that one of several targets does not answer, the oldest first: those
// that are active, and all that the plan changes or whose targets have other labels.
func (p *plan) downAt(targets map[string]bool) []string {
	all := p.state.downs.Keys(targets)
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
