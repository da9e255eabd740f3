package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/rules/expression"
)

// Report is the state of a rule over all targets.
type Report struct {
	Rule    *Rule
	Targets int // for which it is evaluated; of a global rule, all
	Firing  int
	Pending int
	Err     error         // of an evaluation that failed
	Failing string        // the target of Err; empty for a global rule
	Took    time.Duration // the last evaluation, on average over targets
	Last    time.Time     // zero before the first
	Missing []string      // metrics without which it never has rows, and of which no target has a series
}

// Reports returns the state of all rules, in their order.
func (e *Evaluator) Reports() []Report {
	e.mu.Lock()
	set, targets := e.set, len(e.devices)
	e.mu.Unlock()
	polled := false
	byUID := map[string]*Report{}
	list := make([]Report, len(set.Rules()))
	for i, r := range set.Rules() {
		list[i].Rule = r
		byUID[r.UID] = &list[i]
	}
	e.eachHealth(func(target string, d *device, fares []ruleHealth) {
		polled = polled || d.lastPoll.Load() > 0
		for i := range fares {
			if r := byUID[fares[i].uid]; r != nil {
				r.add(target, &fares[i])
			}
		}
	})
	found := set.Selectors.foundSoFar()
	for i := range list {
		r := &list[i]
		if r.Targets > 0 {
			r.Took /= time.Duration(r.Targets)
		}
		if r.Rule.Global != "" {
			r.Targets = targets
		}
		if r.Last = e.wall(r.Last); polled && !set.Selectors.mayYield(r.Rule.Expr, found) {
			r.Missing = set.Selectors.missing(r.Rule, found)
		}
	}
	return list
}

func (r *Report) add(target string, f *ruleHealth) {
	r.Targets++
	r.Took += f.took
	if f.err != nil {
		r.Err, r.Failing = f.err, target
	}
	if f.last.After(r.Last) {
		r.Last = f.last
	}
	for _, alert := range f.alerts {
		if alert.Firing {
			r.Firing++
		} else {
			r.Pending++
		}
	}
}

// eachHealth calls show for each target in the order of their names, and for global rules, whose target is "".
func (e *Evaluator) eachHealth(show func(target string, d *device, fares []ruleHealth)) {
	e.mu.Lock()
	devices := map[string]*device{"": e.global}
	for name, d := range e.devices {
		devices[name] = d
	}
	e.mu.Unlock()
	for _, name := range sortedKeys(devices) {
		if shown := devices[name].health.Load(); shown != nil {
			show(name, devices[name], *shown)
		}
	}
}

func sortedKeys(devices map[string]*device) []string {
	names := make([]string, 0, len(devices))
	for name := range devices {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Selectors) foundSoFar() []bool {
	found := make([]bool, len(s.all))
	for i := range s.found {
		found[i] = s.found[i].Load()
	}
	return found
}

// missing returns the metrics that a rule selects and of which no series was found.
func (s *Selectors) missing(r *Rule, found []bool) (names []string) {
	for _, vs := range expression.Selectors(r.Expr) {
		n := s.number[vs]
		name := cmp.Or(expression.Name(vs), vs.String())
		if !found[n] && !s.made[n] && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Alarms returns the alarms of alerts: of those that are firing, or of those that are pending.
func (e *Evaluator) Alarms(firing bool) []alarm.Alarm {
	list := e.alarmsOf(func(r *record) bool { return r.Firing == firing })
	slices.SortFunc(list, func(a, b alarm.Alarm) int { return cmp.Or(a.RaisedAt.Compare(b.RaisedAt), cmp.Compare(a.ID, b.ID)) })
	return list
}

func (e *Evaluator) alarmsOf(wanted func(*record) bool) (list []alarm.Alarm) {
	e.eachHealth(func(_ string, _ *device, fares []ruleHealth) {
		for i := range fares {
			for _, r := range fares[i].alerts {
				if wanted(r) {
					list = append(list, e.alarmShown(r))
				}
			}
		}
	})
	return list
}

// Pending returns the alarms of pending alerts with wanted names. Targets without such cost next to nothing.
func (e *Evaluator) Pending(wanted func(name string) bool) (list []alarm.Alarm) {
	e.mu.Lock()
	shown := []*[]ruleHealth{e.global.health.Load()}
	for _, d := range e.devices {
		if d.pending.Load() {
			shown = append(shown, d.health.Load())
		}
	}
	e.mu.Unlock()
	for _, fares := range shown {
		for i := 0; fares != nil && i < len(*fares); i++ {
			for _, r := range (*fares)[i].alerts {
				if !r.Firing && wanted(r.Labels.Get(labels.AlertName)) {
					list = append(list, e.alarmShown(r))
				}
			}
		}
	}
	return list
}

// alarmShown returns the alarm of an alert, without the fields for notifications.
func (e *Evaluator) alarmShown(r *record) alarm.Alarm {
	a, _ := notify.AlarmOf(e.deployment, r.shown().Map(), r.Annotations.Map()) // errors are about annotations for notifications
	a.ID, a.RaisedAt = r.ID, e.wall(r.ActiveAt)
	if r.Firing {
		a.RaisedAt = e.wall(r.FiredAt)
	}
	a.Value = cmp.Or(a.Value, r.Value.String())
	if a.Rule == "" {
		a.Rule = r.Labels.Get(labels.AlertName)
	}
	return a
}

// Held returns the firing alarms of baselines, which are shown and not sent.
func (e *Evaluator) Held() []alarm.Alarm { return e.alarmsOf((*record).held) }

// Excesses returns such targets, in the order of their names.
func (e *Evaluator) Excesses() (list []Excess) {
	e.eachHealth(func(target string, d *device, _ []ruleHealth) {
		if x := d.excess.Load(); x != nil {
			list = append(list, Excess{target, x.Samples, e.wall(x.Since)})
		}
	})
	return list
}
