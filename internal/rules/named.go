package rules

import "trapline/internal/rules/expression"

// LooksAt reports whether the expression selects a metric of metrics, any metric, or one about whether the target
// answers.
func (r *Rule) LooksAt(metrics map[string][]string) bool {
	for _, vs := range expression.Selectors(r.Expr) {
		name := expression.Name(vs)
		if _, found := metrics[name]; found || name == "" || isUp(name) {
			return true
		}
	}
	return false
}
