// Package rules evaluates rule files of Prometheus at the end of each poll of a target, and raises, changes and clears
// alarms by their results. Expressions, samples and templates are those of Prometheus; package notify decides which
// receivers are notified.
package rules

import (
	"slices"
	"strings"
	"time"

	"trapline/internal/rules/expression"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// Set is all rules of a configuration. It is not changed once made.
type Set struct {
	Groups    []*Group
	Selectors *Selectors // the series that rules select

	baselines []*Rule   // those of Baseline that are evaluated for each target
	warnings  []Finding // about the files
}

// Group is a group of a rule file.
type Group struct {
	File     string
	Line     int
	Name     string
	Interval time.Duration // between evaluations of its global rules; 0 means the default
	Offset   time.Duration // how far in the past its expressions are evaluated
	Rules    []*Rule
}

// Rule is an alerting rule, or a recording rule where Record is set.
type Rule struct {
	UID           string // unchanged unless the rule is renamed
	Group         *Group
	Line          int
	Record, Alert string
	Text          string // of the expression, as it was written
	Expr          parser.Expr
	For           time.Duration
	KeepFiringFor time.Duration
	Labels        map[string]string // those of its group included
	Annotations   map[string]string
	Baseline      bool // some of its alerts are not sent: see baselineAnnotation

	// Global is the reason why the rule has to be evaluated over all targets at once; empty means that it is evaluated
	// for each target, with the same result.
	Global string

	// Window is how far back the expression reads, beyond the last sample of a series.
	Window time.Duration

	ranges      []expression.Range    // that it needs half the samples of
	query       expression.ClockCalls // the expression as Prometheus writes it
	sound       parser.Expr           // of a baseline: it has the rows whose alerts are sent; nil where the first evaluation decides
	soundLabels []string              // labels that identify these rows; nil means all
	labels      []text                // of an alerting rule, without severity
	severity    text                  // without a name where the rule sets none
	annotations []text
	onlyPolls   bool // it selects only series about polling
	rates       bool // it derives from counters
}

// Name returns the name of the rule in its file.
func (r *Rule) Name() string {
	if r.Record != "" {
		return r.Record
	}
	return r.Alert
}

// Rules returns all rules in their order.
func (s *Set) Rules() []*Rule {
	if s == nil {
		return nil
	}
	var list []*Rule
	for _, g := range s.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// nameValidation is the scheme of Prometheus 3.
const nameValidation = model.UTF8Validation

// texts returns the selectors of the expressions of all rules.
func (s *Set) texts() (list []string) {
	for _, r := range s.Rules() {
		list = append(list, expression.Texts(r.Expr)...)
	}
	return list
}

// Severities returns the values of the label severity of alerting rules, templates verbatim; "" for a rule without one.
func (s *Set) Severities() (words []string) {
	for _, r := range s.Rules() {
		if r.Alert != "" {
			words = append(words, r.Labels[severityLabel])
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// baselineAnnotation is the annotation of rules that do not send all of their alerts, but show them. If it is "true",
// those are held that the first evaluation for a target finds, until they are resolved and fire again, or their severity
// changes. If it is an expression, such as `ifOperStatus == 1`, those are held whose row it has never had.
const baselineAnnotation = "baseline"

func (r *Rule) setBaseline(text string) {
	r.Baseline = text == "true"
	if e, err := expression.Parser.ParseExpr(text); err == nil && !r.Baseline && len(expression.Selectors(e)) > 0 && strings.ContainsAny(text, "=<>(") {
		r.Baseline, r.sound = true, e
		if by, ok := e.(*parser.AggregateExpr); ok && !by.Without {
			r.soundLabels = by.Grouping
		}
	}
}

// selectors returns those of the expression and of the baseline.
func (r *Rule) selectors() []*parser.VectorSelector {
	list := expression.Selectors(r.Expr)
	if r.sound != nil {
		list = append(list, expression.Selectors(r.sound)...)
	}
	return list
}
