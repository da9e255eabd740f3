package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"trapline/collector"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

// The states of a rule.
const (
	ruleWorks   = "works"
	ruleNoData  = "no data"
	ruleError   = "error"
	ruleWaiting = "waiting" // for the first poll that brings what it looks at
)

// Rules returns how the rules fare, in their order.
func (a *API) Rules() ([]Rule, error) {
	list := []Rule{}
	if a.options.Rules == nil {
		return list, nil
	}
	reports := a.options.Rules.Reports()
	for i := range reports {
		list = append(list, a.ruleAnswer(&reports[i]))
	}
	return list, nil
}

func (a *API) ruleAnswer(r *rules.Report) Rule {
	rule := r.Rule
	answer := Rule{
		Name: rule.Name(), Group: rule.Group.Name, File: rule.Group.File, Line: rule.Line, Type: "recording", Query: rule.Text, Global: rule.Global,
		State: ruleWorks, Targets: r.Targets, Firing: r.Firing, Pending: r.Pending, TookSeconds: r.Took.Seconds(), Last: r.Last,
	}
	if rule.Alert != "" {
		answer.Type, answer.For, answer.Severity, answer.Summary = "alerting", rule.For.Seconds(), rule.Labels["severity"], rule.Annotations["summary"]
	}
	missing := slices.DeleteFunc(slices.Clone(r.Missing), ofFailures)
	switch {
	case r.Err != nil && r.Failing != "":
		answer.State, answer.Target, answer.Text = ruleError, r.Failing, r.Failing+": "+r.Err.Error()
	case r.Err != nil:
		answer.State, answer.Text = ruleError, r.Err.Error()
	case len(missing) > 0:
		answer.State, answer.Missing, answer.Text = ruleNoData, missing, a.missing(missing)
	case len(r.Missing) == 0 && r.Last.IsZero():
		answer.State = ruleWaiting
	}
	return answer
}

var ownMetrics = sync.OnceValue(poller.OwnMetrics)

// ofFailures reports whether a metric is Trapline's own: some of these have series only while a poll fails.
func ofFailures(metric string) bool { return slices.Contains(ownMetrics(), metric) }

// missing says what a rule lacks, and what to do.
func (a *API) missing(metrics []string) string {
	text := fmt.Sprintf("No target has series of %s.", strings.Join(metrics, ", "))
	for _, metric := range metrics {
		if modules := a.readers(metric); len(modules) > 0 {
			return text + fmt.Sprintf(" Add module %s, or ignore this rule.", strings.Join(modules, " or "))
		}
	}
	return text
}

// mostReaders is how many modules are named that read a metric.
const mostReaders = 3

// readers are modules that read a metric, at most mostReaders.
func (a *API) readers(metric string) (modules []string) {
	if a.options.Modules == nil {
		return nil
	}
	known, err := a.options.Modules()
	if err != nil {
		return nil // which the page of modules shows
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		reads := func(m collector.MetricSettings) bool { return m.Name == metric }
		if len(modules) < mostReaders && slices.ContainsFunc(known[name].Settings.Metrics, reads) {
			modules = append(modules, name)
		}
	}
	return modules
}
