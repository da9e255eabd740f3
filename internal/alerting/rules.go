package alerting

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"trapline/internal/api"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

// Rules returns the rules with their states, in the order of the files.
func (c *Console) Rules() ([]api.Rule, error) {
	list := []api.Rule{}
	if c.rules == nil {
		return list, nil
	}
	reports := c.rules.Reports()
	for i := range reports {
		list = append(list, c.ruleAnswer(&reports[i]))
	}
	return list, nil
}

func (c *Console) ruleAnswer(r *rules.Report) api.Rule {
	rule := r.Rule
	answer := api.Rule{
		Name: rule.Name(), Group: rule.Group.Name, File: rule.Group.File, Line: rule.Line, Type: "recording", Query: rule.Text, Global: rule.Global,
		State: api.RuleWorks, Targets: r.Targets, Firing: r.Firing, Pending: r.Pending, TookSeconds: r.Took.Seconds(), Last: r.Last,
	}
	if rule.Alert != "" {
		answer.Type, answer.For, answer.Severity, answer.Summary = "alerting", rule.For.Seconds(), rule.Labels["severity"], rule.Annotations["summary"]
	}
	missing := slices.DeleteFunc(slices.Clone(r.Missing), ofFailures)
	switch {
	case r.Err != nil && r.Failing != "":
		answer.State, answer.Target, answer.Text = api.RuleError, r.Failing, r.Failing+": "+r.Err.Error()
	case r.Err != nil:
		answer.State, answer.Text = api.RuleError, r.Err.Error()
	case len(missing) > 0:
		answer.State, answer.Missing, answer.Text = api.RuleNoData, missing, c.missing(missing)
	case len(r.Missing) == 0 && r.Last.IsZero():
		answer.State = api.RuleWaiting
	}
	return answer
}

var ownMetrics = sync.OnceValue(poller.SelfMetrics)

// ofFailures reports whether a metric is Trapline's own: some of these have series only while a poll fails.
func ofFailures(metric string) bool { return slices.Contains(ownMetrics(), metric) }

// missing describes the metrics that a rule lacks, and the remedy.
func (c *Console) missing(metrics []string) string {
	text := fmt.Sprintf("No target has series of %s.", strings.Join(metrics, ", "))
	for _, metric := range metrics {
		if modules := c.catalog.Readers(metric, nil); len(modules) > 0 {
			return text + fmt.Sprintf(" Add module %s, or ignore this rule.", strings.Join(modules[:min(len(modules), maxReaders)], " or "))
		}
	}
	return text
}

// maxReaders is how many modules are named that read a metric.
const maxReaders = 3
