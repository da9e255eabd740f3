package rules

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
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
		r.Window, r.ranges = expression.Window(r.Expr), expression.Ranges(r.Expr)
		r.onlyPolls, r.rates = onlyPollSeries(r.Expr), expression.Rates(r.Expr)
	}
}

func (r *Rule) whyGlobal(global []*Rule) string {
	if _, set := r.Labels[poller.TargetLabel]; set {
		return "its labels set the label target"
	}
	if err := expression.Separable(r.Expr); err != nil {
		return err.Error()
	}
	for _, vs := range expression.Selectors(r.Expr) {
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
		return expression.MatchesLabel(vs, model.MetricNameLabel, r.Record)
	}
	return (expression.MatchesLabel(vs, model.MetricNameLabel, alertsName) || expression.MatchesLabel(vs, model.MetricNameLabel, alertsForStateName)) &&
		expression.MatchesLabel(vs, labels.AlertName, r.Alert)
}
