package expression

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

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
	if slices.Contains(e.Grouping, targetLabel) == e.Without {
		return fmt.Errorf("%s mixes targets", e)
	}
	if name, ok := e.Param.(*parser.StringLiteral); ok && name.Val == targetLabel {
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
	if slices.Contains(m.MatchingLabels, targetLabel) != m.On {
		return fmt.Errorf("%s matches series of different targets", e)
	}
	if slices.Contains(m.Include, targetLabel) {
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
		if dst, ok := e.Args[1].(*parser.StringLiteral); !ok || dst.Val == targetLabel {
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

// KeepsTarget reports whether the result of an expression has the label target, given series that have it.
func KeepsTarget(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.VectorSelector, *parser.MatrixSelector:
		return true
	case *parser.ParenExpr:
		return KeepsTarget(e.Expr)
	case *parser.UnaryExpr:
		return KeepsTarget(e.Expr)
	case *parser.StepInvariantExpr:
		return KeepsTarget(e.Expr)
	case *parser.SubqueryExpr:
		return KeepsTarget(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
			return KeepsTarget(e.Expr)
		}
		return slices.Contains(e.Grouping, targetLabel) != e.Without && KeepsTarget(e.Expr)
	case *parser.BinaryExpr:
		return keepsTargetOfBoth(e)
	case *parser.Call:
		switch e.Func.Name {
		case "absent", "absent_over_time", "scalar", "vector":
			return false
		}
		return slices.ContainsFunc(e.Args, func(arg parser.Expr) bool { return KeepsTarget(arg) })
	}
	return false
}

func keepsTargetOfBoth(e *parser.BinaryExpr) bool {
	m := e.VectorMatching
	switch {
	case m == nil || e.LHS.Type() != parser.ValueTypeVector || e.RHS.Type() != parser.ValueTypeVector:
		return KeepsTarget(e.LHS) || KeepsTarget(e.RHS)
	case e.Op == parser.LOR:
		return KeepsTarget(e.LHS) && KeepsTarget(e.RHS)
	case m.Card == parser.CardOneToOne:
		return slices.Contains(m.MatchingLabels, targetLabel) == m.On && KeepsTarget(e.LHS)
	case m.Card == parser.CardOneToMany:
		return KeepsTarget(e.RHS)
	}
	return KeepsTarget(e.LHS)
}
