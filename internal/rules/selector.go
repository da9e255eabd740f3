package rules

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"trapline/internal/rules/expression"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The series that alerting rules make of their alerts.
const alertsName, alertsForStateName = "ALERTS", "ALERTS_FOR_STATE"

// Selectors are the selectors of all rules.
type Selectors struct {
	// Window is how far back the rules read, beyond the last sample of a series.
	Window time.Duration

	all      []*parser.VectorSelector
	byName   map[string][]int // numbers of those that name a metric
	anyName  []int            // and of those that name none, or several
	number   map[*parser.VectorSelector]int
	made     []bool          // a rule may produce series that the selector selects
	found    []atomic.Bool   // a series was seen that the selector selects, of whatever target
	mentions map[string]bool // names in annotations, which may be queried for
}

func newSelectors(list []*Rule) *Selectors {
	s := &Selectors{byName: map[string][]int{}, number: map[*parser.VectorSelector]int{}, mentions: map[string]bool{}}
	for _, r := range list {
		s.Window = max(s.Window, r.Window)
		for _, vs := range r.selectors() {
			n := len(s.all)
			s.all, s.number[vs] = append(s.all, vs), n
			s.made = append(s.made, slices.ContainsFunc(list, func(maker *Rule) bool { return maker.mayYield(vs) }))
			if name := expression.Name(vs); name != "" {
				s.byName[name] = append(s.byName[name], n)
			} else {
				s.anyName = append(s.anyName, n)
			}
		}
		for _, text := range r.Annotations {
			if strings.Contains(text, "query") {
				for _, name := range metricName.FindAllString(text, -1) {
					s.mentions[name] = true
				}
			}
		}
	}
	s.found = make([]atomic.Bool, len(s.all))
	return s
}

// metricName matches a possible metric name in the text of a template.
var metricName = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// Named reports whether any rule selects series of that name.
func (s *Selectors) Named(name string) bool {
	return s.mentions[name] || len(s.byName[name]) > 0 || slices.ContainsFunc(s.anyName, func(n int) bool {
		return expression.MatchesLabel(s.all[n], model.MetricNameLabel, name)
	})
}

// isMade reports whether rules may produce series of that name.
func (s *Selectors) isMade(name string) bool {
	return slices.ContainsFunc(s.byName[name], func(n int) bool { return s.made[n] })
}

// Wanted reports whether any rule selects the series.
func (s *Selectors) Wanted(series labels.Labels) bool {
	return s.mark(series, make([]bool, len(s.all)))
}

// mark reports whether any rule selects the series, and sets seen for the selectors that do.
func (s *Selectors) mark(series labels.Labels, seen []bool) bool {
	name := series.Get(model.MetricNameLabel)
	wanted := s.mentions[name]
	for _, list := range [][]int{s.byName[name], s.anyName} {
		for _, n := range list {
			if expression.Selects(s.all[n], series) {
				if wanted = true; !seen[n] {
					seen[n] = true
					s.found[n].Store(true)
				}
			}
		}
	}
	return wanted
}

// mayYield reports whether an expression may have a result if only the selectors in seen have series.
func (s *Selectors) mayYield(e parser.Expr, seen []bool) bool {
	switch e := e.(type) {
	case *parser.VectorSelector:
		n := s.number[e]
		return seen[n] || s.made[n]
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.LOR:
			return s.mayYield(e.LHS, seen) || s.mayYield(e.RHS, seen)
		case parser.LUNLESS:
			return s.mayYield(e.LHS, seen)
		}
		return s.mayYield(e.LHS, seen) && s.mayYield(e.RHS, seen)
	}
	for below := range parser.ChildrenIter(e) {
		if expr, ok := below.(parser.Expr); ok && !s.mayYield(expr, seen) {
			return false
		}
	}
	return true
}
