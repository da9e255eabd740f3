package fleet

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/poller"
)

// CountTarget counts a target under its state.
func CountTarget(c *api.TargetCounts, s poller.State) {
	c.Total++
	switch s {
	case poller.Up:
		c.Up++
	case poller.Partial:
		c.Partial++
	case poller.Down:
		c.Down++
	case poller.Waiting:
		c.Waiting++
	}
}

// Targets returns the targets that q selects, the worst first unless q says otherwise.
func (f *Fleet) Targets(q api.TargetQuery) (api.TargetList, error) {
	order, descending, err := orderOf(q.Sort)
	if err != nil {
		return api.TargetList{}, err
	}
	alarms := f.console.OpenAlarms()
	list := api.TargetList{Targets: []api.TargetSummary{}}
	conditions, err := compiled(api.ParseTerms(q.Text))
	if err != nil {
		return api.TargetList{}, err
	}
	var found []*poller.Summary
	for _, u := range f.polls.Summaries() {
		if matches(u, conditions) {
			CountTarget(&list.Counts, u.State)
			if matchesState(u, conditions) {
				found = append(found, u)
			}
		}
	}
	list.Matched = len(found)
	sorted(found, descending, func(u *poller.Summary) float64 { return order.own(u, alarms) })
	begin := min(max(q.Offset, 0), len(found))
	end := min(begin+cmp.Or(max(q.Limit, 0), DefaultLimit), len(found))
	for _, u := range found[begin:end] {
		list.Targets = append(list.Targets, summary(u, alarms))
	}
	return list, nil
}

// DefaultLimit is how many targets one answer has where no limit is given.
const DefaultLimit = 100

// order is a number to sort by: of a target here, and the same of its answer. Equal ones keep the order of the names.
type order struct {
	own    func(*poller.Summary, *alerting.OpenAlarms) float64
	answer func(*api.TargetSummary) float64
}

var orders = map[string]order{
	"": {func(u *poller.Summary, x *alerting.OpenAlarms) float64 {
		return worst[api.State(u.State.String())] - float64(min(x.ByTarget[u.Target.Name].Total, 1000))/1001
	}, func(t *api.TargetSummary) float64 { return worst[t.State] - float64(min(t.Alarms, 1000))/1001 }},
	"name": {func(*poller.Summary, *alerting.OpenAlarms) float64 { return 0 }, func(*api.TargetSummary) float64 { return 0 }},
	"state": {
		func(u *poller.Summary, _ *alerting.OpenAlarms) float64 { return worst[api.State(u.State.String())] },
		func(t *api.TargetSummary) float64 { return worst[t.State] },
	},
	"duration": ofLast(func(p *poller.Pass) float64 { return seconds(p.Duration) }, func(t *api.TargetSummary) float64 { return t.Duration }),
	"loss":     ofLast(lossOf, func(t *api.TargetSummary) float64 { return t.Loss }),
	"rtt":      ofLast(func(p *poller.Pass) float64 { return seconds(p.Stats.Path.RTT) }, func(t *api.TargetSummary) float64 { return t.RTT }),
	"age": ofLast(func(p *poller.Pass) float64 { return -float64(p.Start.Add(p.Duration).UnixMilli()) },
		func(t *api.TargetSummary) float64 { return -float64(t.LastPoll.UnixMilli()) }),
	"series": {
		func(u *poller.Summary, _ *alerting.OpenAlarms) float64 { return float64(u.Samples) },
		func(t *api.TargetSummary) float64 { return float64(t.Series) },
	},
	"alarms": {
		func(u *poller.Summary, x *alerting.OpenAlarms) float64 {
			return float64(x.ByTarget[u.Target.Name].Total)
		},
		func(t *api.TargetSummary) float64 { return float64(t.Alarms) },
	},
}

// orderOf returns the order of a sort key, and whether the greatest is first.
func orderOf(sort string) (o order, descending bool, err error) {
	key, descending := strings.CutPrefix(sort, "-")
	o, known := orders[key]
	if !known {
		err = api.WithHint(api.Errorf(api.ErrBadRequest, "there is no sort key %q", key), "write one of "+strings.Join(sortKeys(), ", ")+", with - in front for the greatest first")
	}
	return o, descending, err
}

// SortAnswers sorts targets of several members as Targets sorts those of one.
func SortAnswers(list []api.TargetSummary, sort string) error {
	order, descending, err := orderOf(sort)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b api.TargetSummary) int {
		x, y := order.answer(&a), order.answer(&b)
		if descending {
			x, y = y, x
		}
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a.Name, b.Name))
	})
	return nil
}

// worst orders states, the worst first.
var worst = map[api.State]float64{api.Down: 0, api.Unknown: 1, api.Partial: 2, api.Waiting: 3, api.Up: 4}

// ofLast sorts by the last poll. A target that has none is the least.
func ofLast(own func(*poller.Pass) float64, answer func(*api.TargetSummary) float64) order {
	return order{
		func(u *poller.Summary, _ *alerting.OpenAlarms) float64 {
			if u.Last == nil {
				return math.Inf(-1)
			}
			return own(u.Last)
		}, func(t *api.TargetSummary) float64 {
			if t.LastPoll.IsZero() {
				return math.Inf(-1)
			}
			return answer(t)
		},
	}
}

func sortKeys() (keys []string) {
	for key := range orders {
		if key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// sorted sorts list, which is sorted by name, by numbers that are taken once. Equal ones keep their order.
func sorted(list []*poller.Summary, descending bool, number func(*poller.Summary) float64) {
	type pair struct {
		number  float64
		at      int
		summary *poller.Summary
	}
	sign := 1.0
	if descending {
		sign = -1
	}
	pairs := make([]pair, len(list))
	for i, u := range list {
		pairs[i] = pair{sign * number(u), i, u}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return a.at - b.at
	})
	for i := range pairs {
		list[i] = pairs[i].summary
	}
}

// lossOf is the share of the requests of a poll that were sent again.
func lossOf(p *poller.Pass) float64 {
	return float64(p.Stats.Retries) / float64(max(p.Stats.Packets, 1))
}

func summary(u *poller.Summary, alarms *alerting.OpenAlarms) api.TargetSummary {
	t := u.Target
	s := api.TargetSummary{
		Name: t.Name, Address: t.Spec.Address, Labels: t.Labels, Kind: kindOf(u), State: api.State(u.State.String()), Since: u.Since, Paused: u.Paused,
		Interval: t.Interval.Seconds(), Series: u.Samples, Alarms: alarms.ByTarget[t.Name].Total, Baseline: alarms.ByTarget[t.Name].Baseline, Outcomes: u.Outcomes.String(),
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if u.Identity != nil {
		s.SysName = u.Identity.SysName
	}
	if p := u.Last; p != nil {
		s.LastPoll, s.Duration, s.Loss = p.Start.Add(p.Duration), seconds(p.Duration), lossOf(p)
		s.RTT, s.Window = seconds(p.Stats.Path.RTT), p.Stats.Path.Window
	}
	if problems := u.Problems(); len(problems) > 0 {
		s.Problem = problem(&problems[0])
	}
	return s
}

// seconds rounds to the resolution of clocks.
func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

// reports returns the last reports of the targets that a query selects.
func (f *Fleet) reports(query string) ([]poller.Report, error) {
	reports := f.polls.Reports()
	if strings.TrimSpace(query) == "" {
		return reports, nil
	}
	list, err := f.Targets(api.TargetQuery{Text: query, Limit: len(reports)})
	if err != nil {
		return nil, err
	}
	selected := map[string]bool{}
	for i := range list.Targets {
		selected[list.Targets[i].Name] = true
	}
	if len(selected) == 0 {
		return nil, api.WithHint(api.Errorf(api.ErrNotFound, "no target matches %q", query), "Leave targets empty for all")
	}
	return slices.DeleteFunc(reports, func(r poller.Report) bool { return !selected[r.Target.Name] }), nil
}

// Try evaluates an expression as a rule would be, over the targets that q selects. Nothing is raised.
func (f *Fleet) Try(ctx context.Context, q api.TryRequest) (api.Try, error) {
	return f.TryWith(ctx, q, nil)
}

// TryWith does so over the targets of all members of a cluster: others returns the parts of the other ones.
func (f *Fleet) TryWith(ctx context.Context, q api.TryRequest, others func() ([]*alerting.Tried, error)) (api.Try, error) {
	return f.console.Try(ctx, q, f.reports, others)
}

// Tried returns the part of this process in a trial of another member.
func (f *Fleet) Tried(q api.TryRequest) (*alerting.Tried, error) {
	return f.console.Tried(q, f.reports)
}
