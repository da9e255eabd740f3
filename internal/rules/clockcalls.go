package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/rules/expression"

	"github.com/prometheus/prometheus/promql/parser"
)

// insertion is text that is inserted into a query, with the seconds by which the wall clock is ahead of the clock of
// rules.
type insertion struct {
	at     int
	format string
}

// clockFunctions are the functions that without an argument return the present time.
var clockFunctions = []string{"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}

// clockCallsOf returns the insertions for the functions of a query that return the present time.
func clockCallsOf(query string) (list []insertion) {
	expr, err := expression.Parser.ParseExpr(query)
	if err != nil {
		return nil
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		call, ok := n.(*parser.Call)
		if !ok {
			return nil
		}
		place := call.PositionRange()
		switch name := call.Func.Name; {
		case name == "time", name == "timestamp":
			list = append(list, insertion{int(place.Start), "("}, insertion{int(place.End), " + %d)"})
		case len(call.Args) == 0 && slices.Contains(clockFunctions, name):
			list = append(list, insertion{int(place.End) - 1, "vector(time() + %d)"})
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b insertion) int { return cmp.Compare(a.at, b.at) })
	return list
}

// queryAt returns the query of a rule if the wall clock is so far ahead of the clock of rules.
func (r *Rule) queryAt(ahead time.Duration) string {
	seconds := int64(ahead.Round(time.Second) / time.Second)
	if len(r.clockCalls) == 0 || seconds == 0 {
		return r.query
	}
	var b strings.Builder
	last := 0
	for _, i := range r.clockCalls {
		b.WriteString(r.query[last:i.at])
		last = i.at
		if strings.Contains(i.format, "%") {
			fmt.Fprintf(&b, i.format, seconds)
		} else {
			b.WriteString(i.format)
		}
	}
	return b.String() + r.query[last:]
}
