package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"trapline/internal/poller"
)

func targetQuery(r *http.Request) TargetQuery {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	offset, _ := strconv.Atoi(r.FormValue("offset"))
	return TargetQuery{Text: r.FormValue("q"), Sort: r.FormValue("sort"), Limit: limit, Offset: offset}
}

// Status returns the state of the process.
func (a *API) Status() Status {
	s := Status{Version: a.options.Version, Started: a.options.Started}
	for _, r := range a.options.Polls.Reports() {
		s.Targets.add(stateOf(r.Last))
	}
	return s
}

func (c *TargetCounts) add(s State) {
	c.Total++
	switch s {
	case Up:
		c.Up++
	case Partial:
		c.Partial++
	case Down:
		c.Down++
	case Waiting:
		c.Waiting++
	}
}

func stateOf(p *poller.Pass) State {
	switch {
	case p == nil:
		return Waiting
	case !p.Up:
		return Down
	case p.Err != nil || len(p.Duplicates) > 0:
		return Partial
	}
	return Up
}

// Targets returns the targets that q selects.
func (a *API) Targets(q TargetQuery) (TargetList, error) {
	var list TargetList
	for _, r := range a.options.Polls.Reports() {
		if !strings.Contains(r.Target.Name, q.Text) {
			continue
		}
		list.Matched++
		list.Counts.add(stateOf(r.Last))
		list.Targets = append(list.Targets, summary(&r))
	}
	return list, nil
}

func summary(r *poller.Report) TargetSummary {
	s := TargetSummary{Name: r.Target.Name, Address: r.Target.Spec.Address, Labels: r.Target.Labels, State: stateOf(r.Last), Interval: r.Target.Interval.Seconds()}
	if p := r.Last; p != nil {
		s.LastPoll, s.Duration, s.RTT, s.Window = p.Start.Add(p.Duration), p.Duration.Seconds(), p.Stats.Path.RTT.Seconds(), p.Stats.Path.Window
		for _, set := range p.Sets {
			s.Series += set.Len()
		}
	}
	return s
}

// Target returns all that is known about a target.
func (a *API) Target(name string) (Target, error) {
	r, ok := a.options.Polls.Report(name)
	if !ok {
		return Target{}, fmt.Errorf("target %q: %w", name, ErrNotFound)
	}
	return Target{TargetSummary: summary(&r), Auth: r.Target.AuthName, Modules: r.Target.ModuleNames()}, nil
}
