package expression

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// ClockCalls are the functions of a query that return the present time.
type ClockCalls struct {
	query string
	calls []insertion
}

// insertion is text that is inserted into a query, with the seconds by which the wall clock is ahead of the clock of
// rules.
type insertion struct {
	at     int
	format string
}

// clockFunctions are the functions that without an argument return the present time.
var clockFunctions = []string{"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}

// ClockCallsOf finds the functions of a query that return the present time.
func ClockCallsOf(query string) ClockCalls {
	var list []insertion
	expr, err := Parser.ParseExpr(query)
	if err != nil {
		return ClockCalls{query, nil}
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
	return ClockCalls{query, list}
}

// QueryAt returns the query if the wall clock is so far ahead of the clock of rules.
func (c *ClockCalls) QueryAt(ahead time.Duration) string {
	seconds := int64(ahead.Round(time.Second) / time.Second)
	if len(c.calls) == 0 || seconds == 0 {
		return c.query
	}
	var b strings.Builder
	last := 0
	for _, i := range c.calls {
		b.WriteString(c.query[last:i.at])
		last = i.at
		if strings.Contains(i.format, "%") {
			fmt.Fprintf(&b, i.format, seconds)
		} else {
			b.WriteString(i.format)
		}
	}
	return b.String() + c.query[last:]
}
