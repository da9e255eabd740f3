package rules

import (
	"cmp"
	"fmt"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// The limits of an expression in CheckText and cost.err.
const (
	maxExprBytes     = 8 << 10
	maxExprTokens    = 2000
	maxExprNesting   = 50      // of parentheses, brackets and braces
	maxRegexpSize    = 4_000   // instructions of all regular expressions
	maxSubqueryEvals = 100_000 // of one subquery, for one evaluation of the whole
	maxPointsRead    = 50_000_000
	maxLabelGrowth   = 16 // usual labels that label_join, label_replace and count_values may put into one

	usualLabel = 64 // octets
)

// CheckText reports an error if an expression is too large to be parsed: parsing may cost more than its length
// suggests.
func CheckText(expr string) error {
	if len(expr) > maxExprBytes {
		return fmt.Errorf("an expression of %d octets: %d are the most", len(expr), maxExprBytes)
	}
	lexer, depth, regexps := parser.Lex(expr), 0, 0
	for tokens := 1; ; tokens++ {
		var item parser.Item
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.EOF, parser.ERROR: // which the parser explains
			return nil
		case parser.LEFT_PAREN, parser.LEFT_BRACKET, parser.LEFT_BRACE:
			depth++
		case parser.RIGHT_PAREN, parser.RIGHT_BRACKET, parser.RIGHT_BRACE:
			depth--
		case parser.STRING:
			if text, err := strutil.Unquote(item.Val); err == nil {
				regexps += regexpSize(text)
			}
		}
		switch {
		case depth > maxExprNesting:
			return fmt.Errorf("more than %d parentheses, brackets and braces within each other", maxExprNesting)
		case tokens > maxExprTokens:
			return fmt.Errorf("an expression of more than %d words and signs", maxExprTokens)
		case regexps > maxRegexpSize:
			return fmt.Errorf("regular expressions with so many repetitions that they take more than %d instructions: write them shorter", maxRegexpSize)
		}
	}
}

// regexpSize estimates the instructions that text is compiled to, should it be a regular expression.
func regexpSize(text string) int {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return len(text)
	}
	return instructions(re)
}

func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return n
}

// CostOptions say how an expression is evaluated. The zero value is once, over samples of every minute.
type CostOptions struct {
	Span      time.Duration // from the first evaluation to the last
	Step      time.Duration // between evaluations
	Interval  time.Duration // between samples of a series
	Retention time.Duration // how far samples reach back; 0 means as far as the expression looks
}

// newCost returns the cost of evaluating an expression for each series, where the engine does not check its timeout:
// the evaluations of subqueries, and the points that functions of ranges read.
func newCost(expr parser.Expr, o CostOptions) *cost {
	c := &cost{options: o}
	c.options.Interval = cmp.Or(o.Interval, time.Minute)
	evals := 1.0
	if o.Step > 0 {
		evals += float64(o.Span) / float64(o.Step)
	}
	c.visit(expr, place{evals, float64(o.Span), 1})
	return c
}

func (c *cost) err() error {
	switch {
	case c.evals > maxSubqueryEvals:
		return fmt.Errorf("a subquery is evaluated %.0f times for each series: %d are the most: take a longer step or a shorter range", c.evals, maxSubqueryEvals)
	case c.points > maxPointsRead:
		return fmt.Errorf("%.3g samples are read for each series: %.3g are the most: take shorter ranges or a longer step", c.points, float64(maxPointsRead))
	case c.growth > maxLabelGrowth:
		return fmt.Errorf("label_join, label_replace or count_values make labels of many others or of long texts: %d others, or %d octets, are the most", maxLabelGrowth, maxLabelGrowth*usualLabel)
	}
	return nil
}

type cost struct {
	options CostOptions
	evals   float64 // of the subquery that is evaluated most
	points  float64 // that are read
	growth  int     // of label values
	regexps int     // instructions of regular expressions that label_replace tries on each series
}

// place is where an expression stands: how often and over which time it is evaluated, and how much longer label values
// become that come from it.
type place struct {
	evals  float64
	span   float64 // nanoseconds: several ranges together may be longer than a time.Duration
	growth int
}

func (c *cost) visit(node parser.Node, a place) {
	c.growth = max(c.growth, a.growth)
	switch n := node.(type) {
	case *parser.SubqueryExpr:
		step, span := float64(cmp.Or(n.Step, time.Minute)), float64(n.Range)
		inner := place{(a.span+span)/step + 1, a.span + span, a.growth}
		c.evals = max(c.evals, inner.evals)
		c.points += a.evals * (span/step + 1)
		c.visit(n.Expr, inner)
		return
	case *parser.MatrixSelector:
		seen := n.Range
		if c.options.Retention > 0 {
			seen = min(seen, c.options.Retention)
		}
		c.points += a.evals * (float64(seen/c.options.Interval) + 1)
		return
	case *parser.VectorSelector:
		c.points += a.evals
	case *parser.AggregateExpr:
		if label, ok := n.Param.(*parser.StringLiteral); ok {
			a.lengthen(1, len(label.Val))
		}
	case *parser.Call:
		c.call(n, &a)
	}
	for child := range parser.ChildrenIter(node) {
		c.visit(child, a)
	}
}

// sorting is how much more a sample costs that is sorted.
const sorting = 10

func (c *cost) call(n *parser.Call, a *place) {
	text := func(i int) string {
		if literal, ok := n.Args[i].(*parser.StringLiteral); ok {
			return literal.Val
		}
		return ""
	}
	switch n.Func.Name {
	case "quantile_over_time", "mad_over_time":
		a.evals *= sorting
	case "label_join":
		joined := len(n.Args) - 3
		a.lengthen(joined, len(text(1))+len(text(2))*joined)
	case "label_replace":
		a.lengthen(strings.Count(text(2), "$"), len(text(1))+len(text(2)))
		c.regexps += regexpSize(text(4))
	}
}

// lengthen notes that a label becomes so many times as long, and so many octets longer.
func (a *place) lengthen(times, octets int) {
	a.growth = min(a.growth*max(1, times)+octets/usualLabel, maxLabelGrowth+1)
}

// maxSeries is how many series may be looked at, so that neither their labels nor the regular expressions that are
// tried on them take too much.
func (c *cost) maxSeries() uint64 {
	const tries = 5_000_000
	return uint64(max(1, min(maxQuerySeries/c.growth, tries/max(1, c.regexps))))
}
