package fleet

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// Rounds fetch what the rules of groups select, one after the other for each group. A round is whole if all members answer, and
// every target has an owner that has polled it: else nothing is known about all targets.
type Rounds struct {
	Ask func(ctx context.Context, r *Request) ([]*Answer, error) // all other members; an error names those without an answer

	mu     sync.Mutex
	groups map[string]*group
}

// group is the state of the rules of a group.
type group struct {
	rules  int
	held   Held                // of the last round; Reason is "" if it was whole
	series map[uint64]*fetched // that are stored, by the hash of their labels
	round  int
}

// fetched is a series of another member that is stored here.
type fetched struct {
	labels labels.Labels
	ref    storage.SeriesRef
	t      int64 // of the last sample, by the wall clock of the member that has it
	round  int   // in which the series was last there
}

// Held says why rules over several targets are not evaluated, and stay as they are.
type Held struct {
	Group  string
	Since  time.Time
	Reason string
}

// Here is the member that gathers the samples of all.
type Here struct {
	Source                           // Has is of the targets that the member polls
	Polled  func(target string) bool // whether it has since it took the target
	Targets []string                 // of the configuration, that are polled
	Append  func() Appender
	Wall    time.Time
}

// Gather fetches the last samples that selectors select from all other members, for the rules of a group. It reports whether
// they are of all targets.
func (r *Rounds) Gather(ctx context.Context, name string, rules int, match []string, here *Here) (whole bool, err error) {
	answers, err := r.Ask(ctx, &Request{Match: match})
	reason := ""
	if err != nil {
		reason = err.Error()
	} else {
		reason = missing(answers, here)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.groups[name]
	if g == nil {
		g = &group{series: map[uint64]*fetched{}}
		if err := g.recall(ctx, match, here); err != nil {
			return false, err
		}
		if r.groups == nil {
			r.groups = map[string]*group{}
		}
		r.groups[name] = g
	}
	if g.held.Reason == "" {
		g.held.Since = here.Wall
	}
	g.rules, g.held.Group, g.held.Reason = rules, name, reason
	return reason == "", g.store(answers, here, reason == "")
}

// missing names targets without an owner, or without a poll of the owner.
func missing(answers []*Answer, here *Here) string {
	polled := map[string]bool{}
	for _, a := range answers {
		for _, name := range a.Polled {
			polled[name] = true
		}
	}
	first, more := "", 0
	for _, name := range here.Targets {
		if polled[name] || here.Polled(name) {
			continue
		}
		if first == "" {
			first = name
		} else {
			more++
		}
	}
	switch {
	case first == "":
		return ""
	case more == 0:
		return fmt.Sprintf("target %s has no owner that has polled it", first)
	}
	return fmt.Sprintf("target %s and %d more have no owner that has polled them", first, more)
}

// recall finds the series that an earlier round stored, of this process or the last one, which may have ended since.
func (g *group) recall(ctx context.Context, match []string, here *Here) error {
	others := here.Source
	others.Has = func(target string) bool { return target != "" && !here.Has(target) }
	list, err := others.Select(ctx, &Request{Match: match})
	for _, s := range list {
		g.series[s.Labels.Hash()] = &fetched{labels: s.Labels}
	}
	return err
}

// store stores the last samples of a round. Those that are absent from a whole round end, unless they are of targets that are
// polled here by now.
func (g *group) store(answers []*Answer, here *Here, whole bool) error {
	to := here.Append()
	g.round++
	for _, a := range answers {
		for i := range a.Series {
			g.append(to, &a.Series[i], here)
		}
	}
	for hash, one := range g.series {
		if one.round == g.round || !whole {
			continue
		}
		delete(g.series, hash)
		if !here.Has(one.labels.Get(targetLabel)) {
			_, _ = to.Append(one.ref, one.labels, here.Now, math.Float64frombits(value.StaleNaN)) // else it has ended already
		}
	}
	return to.Commit()
}

// append stores the last sample of a series. If there is a later one of the member that had the target before, it has the time
// of the round.
func (g *group) append(to Appender, s *Series, here *Here) {
	last := len(s.Times) - 1
	one := g.series[s.Labels.Hash()]
	if one == nil {
		one = &fetched{labels: s.Labels}
		g.series[s.Labels.Hash()] = one
	}
	one.round = g.round
	if one.t == s.Times[last] || here.Has(s.Labels.Get(targetLabel)) {
		return
	}
	one.t = s.Times[last]
	for _, t := range []int64{min(one.t-here.Ahead, here.Now), here.Now} {
		if ref, err := to.Append(one.ref, one.labels, t, float64(s.Values[last])); err == nil {
			one.ref = ref
			return
		}
	}
}

// Held returns the groups whose last round was not whole, and the number of their rules.
func (r *Rounds) Held() (list []Held, rules int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.groups)) {
		if g := r.groups[name]; g.held.Reason != "" {
			list = append(list, g.held)
			rules += g.rules
		}
	}
	return list, rules
}

// Forget forgets all groups: another member evaluates them.
func (r *Rounds) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups = nil
}

// Collector has the metric of rules that are held.
func (r *Rounds) Collector() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "trapline_cluster_global_rules_held", Help: "Rules over several targets that this member evaluates, and that wait for the samples of all.",
	}, func() float64 {
		_, rules := r.Held()
		return float64(rules)
	})
}
