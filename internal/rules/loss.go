package rules

import "trapline/internal/rules/expression"

// loss is the part of a poll that could not be stored. Rules that select it stay as they are: nothing is cleared
// because samples are missing.
type loss struct {
	err   error
	names map[string]bool // of the series; nil means all
}

// of reports whether a rule may select lost series.
func (l *loss) of(r *Rule) bool {
	if l == nil || l.names == nil {
		return l != nil
	}
	for _, vs := range expression.Selectors(r.Expr) {
		if name := expression.Name(vs); name == "" || l.names[name] {
			return true
		}
	}
	return false
}
