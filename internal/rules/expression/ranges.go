package expression

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Range is a range whose samples a function takes together. While many of them are missing, its result may be anything.
type Range struct {
	Length time.Duration
	Step   time.Duration // between the samples of a subquery; 0 of those that are stored
	Count  string        // expression with the number of samples of the series that has most
}

// single are the functions for which one sample is enough.
var single = []string{"first_over_time", "last_over_time", "present_over_time"}

// Ranges returns the ranges of *_over_time and of functions that fit a line.
func Ranges(e parser.Expr) (list []Range) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		call, ok := n.(*parser.Call)
		if !ok || !gathers(call.Func.Name) {
			return nil
		}
		for _, arg := range call.Args {
			one := Range{Count: "max(count_over_time(" + arg.String() + "))"}
			switch arg := arg.(type) {
			case *parser.MatrixSelector:
				one.Length = arg.Range
			case *parser.SubqueryExpr:
				if one.Length, one.Step = arg.Range, arg.Step; arg.Step == 0 {
					one.Step = time.Minute
				}
			default:
				continue
			}
			list = append(list, one)
		}
		return nil
	})
	return list
}

func gathers(function string) bool {
	switch function {
	case "deriv", "predict_linear", "double_exponential_smoothing":
		return true
	}
	return strings.HasSuffix(function, "_over_time") && !slices.Contains(single, function)
}
