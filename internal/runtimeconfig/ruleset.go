package runtimeconfig

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"trapline/collector"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/rules"
)

// Rules returns the configuration of the evaluator.
func (w *Config) Rules() rules.Configuration {
	return rules.Configuration{Set: w.Config.Rules, Targets: w.Targets, All: w.Targets, Settings: w.Config.RuleSettings, Names: w.Config.Names, Partial: w.partial}
}

// ErrRules is the error of a configuration whose rules have errors, which are logged.
var ErrRules = errors.New("the rules have errors")

// lint returns the errors in the rules, and the doubtful parts.
func (w *Config) lint() ([]rules.Finding, error) {
	if len(w.Config.Rules.Groups) == 0 {
		return nil, nil
	}
	has, err := w.ForRules()
	if err != nil {
		return nil, err
	}
	return w.Config.Rules.Lint(&has), nil
}

// ForRules returns the metrics, labels and intervals that rules may refer to.
func (w *Config) ForRules() (rules.Environment, error) {
	y := OutputMetrics{}
	y.addOwn()
	for _, m := range w.Catalog.Modules {
		y.Add(m)
	}
	auto := func(t poller.TargetSettings) bool { return slices.Contains(t.Modules, profile.Auto) }
	if len(w.Targets) == 0 || slices.ContainsFunc(w.Config.Targets, auto) {
		if err := y.addProfiles(w); err != nil {
			return rules.Environment{}, err
		}
	}
	interval, err := w.intervals()
	if err != nil {
		return rules.Environment{}, err
	}
	checker := notify.RuleChecker{Names: w.Config.Names, Receivers: w.Config.Receivers, Auths: w.Config.Auths}
	x := rules.Environment{Metrics: y, Interval: interval, Annotations: checker.Check, Severity: notify.CheckSeverity}
	for _, t := range w.Targets {
		x.TargetLabels = slices.AppendSeq(x.TargetLabels, maps.Keys(t.Labels))
	}
	return x, nil
}

// misspelledLabels returns warnings about labels of receivers, maintenance and inhibit rules that no alarm of the targets
// and rules can have.
func (w *Config) misspelledLabels() (warnings []string, err error) {
	named := w.namedLabels()
	if len(named) == 0 {
		return nil, nil
	}
	has, err := w.ForRules()
	if err != nil {
		return nil, err
	}
	known := slices.Concat(slices.Collect(maps.Values(has.Metrics))...)
	known = append(known, has.TargetLabels...)
	for _, r := range w.Config.Rules.Rules() {
		known = slices.AppendSeq(known, maps.Keys(r.Labels))
		known = append(known, quoted(r.Text)...)
	}
	for _, one := range named {
		warnings = append(warnings, notify.MisspelledLabels(one.where, slices.Values(one.labels), known)...)
	}
	return warnings, nil
}

// naming is a setting that names labels of alarms.
type naming struct {
	where  string
	labels []string
}

func (w *Config) namedLabels() (list []naming) {
	add := func(where string, labels []string) {
		if len(labels) > 0 {
			list = append(list, naming{where, labels})
		}
	}
	for i := range w.Config.Receivers {
		r := &w.Config.Receivers[i]
		add(fmt.Sprintf("receiver %q: labels", r.Name), slices.Collect(maps.Keys(r.Labels)))
		add(fmt.Sprintf("receiver %q: group_by", r.Name), slices.DeleteFunc(slices.Clone(r.GroupBy), func(name string) bool { return name == "..." }))
	}
	for i := range w.Config.Maintenance {
		m := &w.Config.Maintenance[i]
		add(fmt.Sprintf("maintenance %q: matchers", m.Name), m.Labels())
	}
	for i := range w.Config.InhibitRules {
		add(fmt.Sprintf("inhibit_rules[%d]", i), w.Config.InhibitRules[i].Labels())
	}
	return list
}

var quotedName = regexp.MustCompile(`["']([A-Za-z_][A-Za-z0-9_]*)["']`)

// quoted returns the names in quotes, such as the label that label_replace makes.
func quoted(expression string) (names []string) {
	for _, found := range quotedName.FindAllStringSubmatch(expression, -1) {
		names = append(names, found[1])
	}
	return names
}

// intervals returns the longest time between polls that yield a metric; for metrics that no target's modules
// yield, the time that holds where a target sets none.
func (w *Config) intervals() (func(metric string) time.Duration, error) {
	modules := map[*collector.Module]time.Duration{}
	var slowest, auto time.Duration
	for i, t := range w.Targets {
		slowest = max(slowest, t.Interval)
		if w.chooses(i) {
			auto = max(auto, t.Interval)
		}
		for _, m := range t.Modules {
			modules[m] = max(modules[m], t.Interval)
		}
	}
	longest := map[string]time.Duration{}
	raise := func(y OutputMetrics, interval time.Duration) {
		for name := range y {
			longest[name] = max(longest[name], interval)
		}
	}
	for m, interval := range modules {
		y := OutputMetrics{}
		y.Add(m)
		raise(y, interval)
	}
	own, chosen := OutputMetrics{}, OutputMetrics{}
	own.addOwn()
	raise(own, slowest)
	longest[poller.TrapsTotal] = time.Second // when traps come, whatever the interval
	if auto > 0 {
		if err := chosen.addProfiles(w); err != nil {
			return nil, err
		}
		raise(chosen, auto)
	}
	otherwise := cmp.Or(w.Config.Global.Interval.Duration, poller.DefaultInterval)
	return func(metric string) time.Duration { return cmp.Or(longest[metric], otherwise) }, nil
}

// chooses reports whether a target's modules are chosen by a profile.
func (w *Config) chooses(target int) bool {
	return slices.Contains(w.Config.Targets[target].Modules, profile.Auto)
}
