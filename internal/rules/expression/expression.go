// Package expression answers questions about expressions of PromQL: which series they select, how far back they look,
// and whether their result is that of each target alone.
package expression

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Parser parses PromQL as Prometheus has it without feature flags.
var Parser = parser.NewParser(parser.Options{})

// targetLabel is the label of the target's name.
const targetLabel = "target"

// Name returns the metric name of a selector, or "" if it may select several.
func Name(vs *parser.VectorSelector) string {
	for _, m := range vs.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// WithoutMIB says what to write for names of metrics of which some begin with that of a MIB: an expression reads IF-MIB::ifOperStatus as
// a difference.
func WithoutMIB(names []string) string {
	for _, name := range names {
		if _, object, found := strings.Cut(name, "::"); found {
			return ": expressions name metrics without their MIB: write " + object
		}
	}
	return ""
}

// MatchesLabel reports whether the selector may select a series with that label.
func MatchesLabel(vs *parser.VectorSelector, name, value string) bool {
	return !slices.ContainsFunc(vs.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == name && !m.Matches(value) })
}

// Selects reports whether the selector selects a series.
func Selects(vs *parser.VectorSelector, series labels.Labels) bool {
	for _, m := range vs.LabelMatchers {
		if !m.Matches(series.Get(m.Name)) {
			return false
		}
	}
	return true
}

// Selectors returns the selectors of an expression.
func Selectors(e parser.Expr) (list []*parser.VectorSelector) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if vs, ok := n.(*parser.VectorSelector); ok {
			list = append(list, vs)
		}
		return nil
	})
	return list
}

// Texts returns the selectors of an expression as text, without their ranges and offsets.
func Texts(e parser.Expr) (list []string) {
	for _, vs := range Selectors(e) {
		list = append(list, (&parser.VectorSelector{Name: vs.Name, LabelMatchers: vs.LabelMatchers}).String())
	}
	return list
}

// Window returns how far back an expression reads. Nested ranges add up.
func Window(e parser.Expr) (most time.Duration) {
	parser.Inspect(e, func(n parser.Node, above []parser.Node) error {
		vs, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		back := max(0, cmp.Or(vs.Offset, vs.OriginalOffset))
		for _, node := range above {
			switch node := node.(type) {
			case *parser.MatrixSelector:
				back += node.Range
			case *parser.SubqueryExpr:
				back += node.Range + max(0, cmp.Or(node.Offset, node.OriginalOffset))
			}
		}
		most = max(most, back)
		return nil
	})
	return most
}

// Rates reports whether an expression derives rates from counters, which a jump would distort.
func Rates(e parser.Expr) (found bool) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if call, ok := n.(*parser.Call); ok {
			switch call.Func.Name {
			case "rate", "irate", "increase", "delta", "idelta", "deriv":
				found = true
			}
		}
		return nil
	})
	return found
}

// maxCondition is the maximum length of a condition, in octets.
const maxCondition = 64

// Condition returns the first metric of an expression, and its comparison as text.
func Condition(e parser.Expr) (metric, text string) {
	c := Comparison(e)
	if c == nil {
		if list := Selectors(e); len(list) > 0 {
			metric = Name(list[0])
		}
		return metric, ""
	}
	if list := Selectors(c.LHS); len(list) > 0 {
		metric = Name(list[0])
	} else if list := Selectors(c.RHS); len(list) > 0 {
		metric = Name(list[0])
	}
	if text = c.Op.String() + " " + c.RHS.String(); len(text) > maxCondition {
		text = c.Op.String() + " ..."
	}
	return metric, text
}

// Comparison is the first comparison in an expression, from the outside.
func Comparison(e parser.Expr) *parser.BinaryExpr {
	if b, ok := e.(*parser.BinaryExpr); ok && b.Op.IsComparisonOperator() {
		return b
	}
	for below := range parser.ChildrenIter(e) {
		if expr, ok := below.(parser.Expr); ok {
			if b := Comparison(expr); b != nil {
				return b
			}
		}
	}
	return nil
}
