package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/series"
)

// Finding is a remark about a rule that is likely wrong.
type Finding struct {
	File  string
	Line  int
	Level Level
	Text  string

	NoData bool  // no module provides a metric of the rule
	Rule   *Rule // that it is about; nil if that is a file
}

// Level is the severity of a finding.
type Level int

// The levels, the worst first.
const (
	LevelError   Level = iota // the rule cannot work as intended
	LevelWarning              // it may not work as intended
	LevelNote                 // good to know
)

func (l Level) String() string { return [...]string{"error", "warning", "note"}[l] }

// IsError reports whether a rule cannot work as intended.
func (f Finding) IsError() bool { return f.Level == LevelError }

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Level, f.Text)
}

// Environment is the part of a configuration that rules refer to. A nil field is not checked.
type Environment struct {
	Metrics      map[string][]string               // that modules yield, with the labels of their series
	TargetLabels []string                          // those that targets have of their own
	Interval     func(metric string) time.Duration // the longest between passes that bring the metric

	// Annotations returns the errors and warnings of the annotations for notifications.
	Annotations func(map[string]string) (problems, warnings []string)

	Severity func(word string) (warning string) // returns a warning about the label severity
}

// Lint returns the findings of all rules of a set.
func (s *Set) Lint(w *Environment) []Finding {
	all := slices.Clone(s.warnings)
	recorded := map[string]bool{alertsName: true, alertsForStateName: true}
	for _, r := range s.Rules() {
		recorded[r.Record] = true
	}
	for _, r := range s.Rules() {
		l := &linter{environment: w, rule: r, recorded: recorded}
		l.lintLabels()
		l.lintRanges()
		l.lintNames()
		l.lintNotification()
		l.lintBaseline()
		if r.Global != "" {
			l.find(LevelNote, "is evaluated over all targets at once: %s", r.Global)
		}
		all = append(all, l.found...)
	}
	return all
}

// linter checks one rule.
type linter struct {
	environment *Environment
	rule        *Rule
	recorded    map[string]bool // names of series that rules make
	found       []Finding
}

func (l *linter) find(level Level, format string, args ...any) {
	l.add(Finding{Level: level, Text: fmt.Sprintf(format, args...)})
}

// noData adds a finding about metrics or labels that do not exist.
func (l *linter) noData(format string, args ...any) {
	l.add(Finding{Level: LevelWarning, Text: fmt.Sprintf(format, args...), NoData: true})
}

func (l *linter) add(f Finding) {
	f.File, f.Line, f.Rule = l.rule.Group.File, l.rule.Line, l.rule
	f.Text = l.rule.Name() + ": " + f.Text
	if !slices.Contains(l.found, f) {
		l.found = append(l.found, f)
	}
}

// valued matches a template with the value in it.
var valued = regexp.MustCompile(`{{[^}]*(\$value|\.Value)\b`)

// lintLabels checks the labels that identify alarms.
func (l *linter) lintLabels() {
	for _, name := range slices.Sorted(maps.Keys(l.rule.Labels)) {
		if name != severityLabel && valued.MatchString(l.rule.Labels[name]) {
			l.find(LevelWarning, "the label %s has the value in it: each value raises another alarm and clears the last one. Put it into an annotation", name)
		}
	}
	if l.rule.Alert != "" && l.environment.Severity != nil {
		if text := l.environment.Severity(l.rule.Labels[severityLabel]); text != "" {
			l.find(LevelWarning, "%s", text)
		}
	}
	if _, set := l.rule.Labels[poller.TargetLabel]; l.rule.Alert != "" && !set && !expression.KeepsTarget(l.rule.Expr) {
		l.find(LevelWarning, "its alarms have no label target: they are of no device")
	}
}

// comparing are the functions that need more than one sample.
var comparing = []string{"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets"}

// lintRanges looks for ranges with too few passes in them.
func (l *linter) lintRanges() {
	if l.environment.Interval == nil {
		return
	}
	parser.Inspect(l.rule.Expr, func(n parser.Node, above []parser.Node) error {
		m, ok := n.(*parser.MatrixSelector)
		if !ok || len(above) == 0 || m.Range == 0 {
			return nil
		}
		call, ok := above[len(above)-1].(*parser.Call)
		if !ok || !slices.Contains(comparing, call.Func.Name) {
			return nil
		}
		interval := l.environment.Interval(expression.Name(m.VectorSelector.(*parser.VectorSelector)))
		switch shown, better := model.Duration(interval), model.Duration(4*interval); {
		case m.Range < 2*interval:
			l.find(LevelWarning, "%s yields nothing, as in Prometheus: it needs two polls, and targets are polled each %s: write a range of %s or more", call, shown, better)
		case m.Range < 4*interval:
			l.find(LevelWarning, "%s yields nothing once a pass or two fail, for targets are polled each %s: better a range of %s or more", call, shown, better)
		}
		return nil
	})
}

// lintNames reports metrics and labels that no module provides.
func (l *linter) lintNames() {
	if l.environment.Metrics == nil {
		return
	}
	known := append([]string{poller.TargetLabel, model.AlertNameLabel, oidLabel}, l.environment.TargetLabels...)
	var missing []string
	recorded := false
	for _, vs := range expression.Selectors(l.rule.Expr) {
		name := expression.Name(vs)
		own, yielded := l.environment.Metrics[name]
		switch {
		case name == "" || l.recorded[name]:
			recorded = true
			continue
		case !yielded && !isUp(name):
			missing = append(missing, name)
			continue
		}
		for _, m := range vs.LabelMatchers {
			if m.Name != model.MetricNameLabel && !slices.Contains(own, m.Name) && !slices.Contains(known, m.Name) && !m.Matches("") {
				l.noData("no series %s has the label %s", name, m.Name)
			}
		}
		known = append(known, own...)
	}
	slices.Sort(missing)
	if missing = slices.Compact(missing); len(missing) > 0 {
		l.noData("no module yields %s%s", strings.Join(missing, ", "), expression.WithoutMIB(missing))
	}
	if recorded || len(missing) > 0 || writesLabels(l.rule.Expr) {
		return
	}
	for _, name := range append(grouped(l.rule.Expr), mentioned(l.rule.Annotations)...) {
		if _, set := l.rule.Labels[name]; !set && !slices.Contains(known, name) {
			l.noData("no series of its expression has the label %s", name)
		}
	}
}

// isUp reports whether a metric is one of upDescs.
func isUp(name string) bool {
	return slices.ContainsFunc(upDescs, func(d *series.Desc) bool { return d.Name == name })
}

func writesLabels(e parser.Expr) (found bool) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if call, ok := n.(*parser.Call); ok {
			found = found || call.Func.Name == "label_replace" || call.Func.Name == "label_join" || call.Func.Name == "info"
		}
		return nil
	})
	return found
}

// grouped lists the labels by which an expression groups and matches.
func grouped(e parser.Expr) (names []string) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.AggregateExpr:
			names = append(names, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				names = append(names, n.VectorMatching.MatchingLabels...)
				names = append(names, n.VectorMatching.Include...)
			}
		}
		return nil
	})
	return names
}

var labelInTemplate = regexp.MustCompile(`(?:\$labels|\.Labels)\.(\w+)`)

// mentioned lists the labels that templates show.
func mentioned(annotations map[string]string) (names []string) {
	for _, text := range annotations {
		for _, m := range labelInTemplate.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// lintNotification checks the annotations for notifications.
func (l *linter) lintNotification() {
	if l.rule.Alert == "" || l.environment.Annotations == nil {
		return
	}
	problems, warnings := l.environment.Annotations(l.rule.Annotations)
	for _, text := range problems {
		l.find(LevelError, "%s", text)
	}
	for _, text := range warnings {
		l.find(LevelWarning, "%s", text)
	}
}

// lintBaseline reports an annotation that has no effect.
func (l *linter) lintBaseline() {
	switch text := l.rule.Annotations[baselineAnnotation]; {
	case text != "" && text != "false" && !l.rule.Baseline:
		l.find(LevelWarning, `the annotation baseline is "true", or an expression with the rows whose alerts are sent, such as ifOperStatus == 1, or is left out`)
	case l.rule.sound != nil && expression.Separable(l.rule.sound) != nil:
		l.find(LevelWarning, "the annotation baseline: %v", expression.Separable(l.rule.sound))
	case l.rule.Baseline && l.rule.Global != "":
		l.find(LevelWarning, "the annotation baseline has no effect: the rule is evaluated over all targets at once")
	}
}
