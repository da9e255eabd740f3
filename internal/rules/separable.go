package rules

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/poller"
)

// separate determines which rules are global. A rule that selects series of a global rule is global too: those series
// may lack a target.
func (s *Set) separate() {
	var global []*Rule
	for changed := true; changed; {
		changed = false
		for _, r := range s.Rules() {
			if r.Global != "" {
				continue
			}
			if r.Global = r.whyGlobal(global); r.Global != "" {
				global, changed = append(global, r), true
			}
		}
	}
	for _, r := range s.Rules() {
		r.Window = window(r.Expr)
		r.onlyPolls, r.rates = onlyPollSeries(r.Expr), rates(r.Expr)
	}
}

func (r *Rule) whyGlobal(global []*Rule) string {
	if _, set := r.Labels[poller.TargetLabel]; set {
		return "its labels set the label target"
	}
	if err := Separable(r.Expr); err != nil {
		return err.Error()
	}
	for _, vs := range selectors(r.Expr) {
		for _, g := range global {
			if g.mayYield(vs) {
				return fmt.Sprintf("it looks at what the global rule %s yields", g.Name())
			}
		}
	}
	return ""
}

// mayYield reports whether the rule may produce a series that the selector selects.
func (r *Rule) mayYield(vs *parser.VectorSelector) bool {
	if r.Record != "" {
		return matchesLabel(vs, model.MetricNameLabel, r.Record)
	}
	return (matchesLabel(vs, model.MetricNameLabel, alertsName) || matchesLabel(vs, model.MetricNameLabel, alertsForStateName)) &&
		matchesLabel(vs, labels.AlertName, r.Alert)
}

// matchesLabel reports whether the selector may select a series with that label.
func matchesLabel(vs *parser.VectorSelector, name, value string) bool {
	return !slices.ContainsFunc(vs.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == name && !m.Matches(value) })
}

// Separable returns nil if evaluating an expression for each target with its own series has the same result as
// evaluating it over the series of all targets, where every series has the label target. The error is the reason why
// not.
func Separable(e parser.Expr) error {
	if e.Type() == parser.ValueTypeScalar || e.Type() == parser.ValueTypeString {
		return fmt.Errorf("%s is about no target", e)
	}
	return separable(e)
}

func separable(e parser.Expr) error {
	switch e := e.(type) {
	case *parser.VectorSelector, *parser.MatrixSelector, *parser.NumberLiteral, *parser.StringLiteral:
		return nil
	case *parser.ParenExpr:
		return separable(e.Expr)
	case *parser.UnaryExpr:
		return separable(e.Expr)
	case *parser.StepInvariantExpr:
		return separable(e.Expr)
	case *parser.SubqueryExpr:
		return separable(e.Expr)
	case *parser.AggregateExpr:
		return separableAggregate(e)
	case *parser.BinaryExpr:
		return separableBinary(e)
	case *parser.Call:
		return separableCall(e)
	}
	return fmt.Errorf("%s cannot be taken apart", e)
}

func separableAggregate(e *parser.AggregateExpr) error {
	if slices.Contains(e.Grouping, poller.TargetLabel) == e.Without {
		return fmt.Errorf("%s mixes targets", e)
	}
	if name, ok := e.Param.(*parser.StringLiteral); ok && name.Val == poller.TargetLabel {
		return fmt.Errorf("%s writes the label target", e)
	}
	if e.Op == parser.LIMITK || e.Op == parser.LIMIT_RATIO {
		return fmt.Errorf("%s takes any series", e)
	}
	if e.Param != nil {
		if err := separable(e.Param); err != nil {
			return err
		}
	}
	return separable(e.Expr)
}

func separableBinary(e *parser.BinaryExpr) error {
	if err := separable(e.LHS); err != nil {
		return err
	}
	if err := separable(e.RHS); err != nil {
		return err
	}
	m := e.VectorMatching
	if m == nil || e.LHS.Type() != parser.ValueTypeVector || e.RHS.Type() != parser.ValueTypeVector {
		return nil
	}
	if slices.Contains(m.MatchingLabels, poller.TargetLabel) != m.On {
		return fmt.Errorf("%s matches series of different targets", e)
	}
	if slices.Contains(m.Include, poller.TargetLabel) {
		return fmt.Errorf("%s writes the label target", e)
	}
	return nil
}

// mixing are the functions that drop or invent labels, by the reason why they are not separable.
var mixing = map[string]string{
	"absent": "is about series that are not there", "absent_over_time": "is about series that are not there",
	"scalar": "loses the labels", "vector": "is about no target", "info": "joins series of any target",
}

// separableCall handles functions without arguments that return vectors without labels, such as hour(): the parser adds
// their arguments.
func separableCall(e *parser.Call) error {
	if why, ok := mixing[e.Func.Name]; ok {
		return fmt.Errorf("%s %s", e, why)
	}
	if len(e.Args) == 0 && e.Func.ReturnType == parser.ValueTypeVector {
		return fmt.Errorf("%s is about no target", e)
	}
	if e.Func.Name == "label_replace" || e.Func.Name == "label_join" {
		if dst, ok := e.Args[1].(*parser.StringLiteral); !ok || dst.Val == poller.TargetLabel {
			return fmt.Errorf("%s writes the label target", e)
		}
	}
	for _, arg := range e.Args {
		if err := separable(arg); err != nil {
			return err
		}
	}
	return nil
}
