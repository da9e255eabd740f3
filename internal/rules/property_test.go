package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
)

// expressions makes expressions up. Many of them are not separable, and some not even valid.
type expressions struct{ *rand.Rand }

func (x expressions) pick(words ...string) string { return words[x.IntN(len(words))] }

func (x expressions) vector(depth int) string {
	if depth == 0 {
		return x.pick("a", "b", "c_total", `a{i="1"}`, `b{i!="2"}`, `{__name__=~"a|b"}`, "a offset 1m", "none")
	}
	below := func() string { return x.vector(depth - 1) }
	grouping := func() string { return x.pick("target", "target, i", "i", "target, site", "site", "") }
	switch x.IntN(9) {
	case 0:
		return fmt.Sprintf("%s(%s[%s])", x.pick("rate", "increase", "irate", "delta", "avg_over_time", "max_over_time", "last_over_time", "count_over_time", "changes", "absent_over_time"),
			x.pick("a", "b", "c_total"), x.pick("1m", "2m", "5m"))
	case 1:
		return fmt.Sprintf("%s %s (%s) (%s)", x.pick("sum", "max", "count", "avg", "stddev", "group"), x.pick("by", "without"), grouping(), below())
	case 2:
		return fmt.Sprintf("topk by (%s) (2, %s)", grouping(), below())
	case 3:
		return fmt.Sprintf("(%s) %s %s (%s) (%s)", below(), x.pick("+", "-", "/", "*", ">", "<", "== bool", "and", "or", "unless"), x.pick("on", "ignoring"), grouping(), below())
	case 4:
		return fmt.Sprintf("(%s) %s on (%s) group_left () (%s)", below(), x.pick("+", "*", ">"), grouping(), below())
	case 5:
		return fmt.Sprintf("(%s) %s %d", below(), x.pick(">", "<", "+", "*", "!=", "> bool"), x.IntN(20))
	case 6:
		return fmt.Sprintf("%s(%s)", x.pick("abs", "-", "sort", "absent", "scalar", "sgn", "timestamp", "hour"), below())
	case 7:
		return fmt.Sprintf(`label_replace(%s, "%s", "$1x", "%s", "(.*)")`, below(), x.pick("i", "site", "target", "new"), x.pick("i", "site", "target"))
	default:
		return fmt.Sprintf("max_over_time((%s)[2m:30s])", below())
	}
}

// Separable is right: a separable expression, evaluated for each target alone, returns the rows that it returns over
// all of them.
func TestSeparableExpressionsGiveTheSameRows(t *testing.T) {
	r := start(t, `{record: x, expr: a}, {record: y, expr: b}, {record: z, expr: c_total}`, "t1", "t2", "t3", "t4")
	x := expressions{rand.New(rand.NewPCG(5, 6))}
	counters := map[string]float64{}
	for range 12 {
		r.now = r.now.Add(pollTime)
		for n, target := range r.targets {
			var rows []string
			for i := range 2 + n%2 {
				at := fmt.Sprintf(`{i="%d",site="s%d"}`, i, n%2)
				rows = append(rows, fmt.Sprintf("a%s %d", at, x.IntN(20)))
				if x.IntN(4) > 0 {
					rows = append(rows, fmt.Sprintf("b%s %d", at, x.IntN(20)))
				}
				if counters[target.Name+at] += float64(x.IntN(50)); x.IntN(20) == 0 {
					counters[target.Name+at] = 0
				}
				rows = append(rows, fmt.Sprintf("c_total%s %g", at, counters[target.Name+at]))
			}
			r.pollOf(target, nil, rows...)
		}
	}
	s := r.e.queryEngine.Load()
	global := QueryFunc(s.engine, s.store.samples)
	compared, refused, rowsSeen := 0, 0, 0
	for compared < 2000 {
		text := x.vector(1 + x.IntN(3))
		e, err := expression.Parser.ParseExpr(text)
		if err != nil {
			continue
		}
		if expression.Separable(e) != nil {
			refused++
			continue
		}
		want, err := global(t.Context(), text, r.now)
		if err != nil {
			continue // such as many rows that match many
		}
		var got promql.Vector
		for _, target := range r.targets {
			only := labels.MustNewMatcher(labels.MatchEqual, poller.TargetLabel, target.Name)
			rows, err := QueryFunc(s.engine, scoped{s.store.samples, only})(t.Context(), text, r.now)
			if err != nil {
				t.Fatalf("%s, for %s alone: %v", text, target.Name, err)
			}
			got = append(got, rows...)
		}
		if !sameRows(got, want) {
			t.Fatalf("%s gives\n%s\nfor each target alone, and over all\n%s", text, got, want)
		}
		compared++
		rowsSeen += len(want)
	}
	if rowsSeen < compared || refused < 100 {
		t.Errorf("%d expressions with %d rows, %d refused: that proves little", compared, rowsSeen, refused)
	}
}

func sameRows(a, b promql.Vector) bool {
	if len(a) != len(b) {
		return false
	}
	values := map[uint64]float64{}
	for _, s := range a {
		values[s.Metric.Hash()] = s.F
	}
	for _, s := range b {
		v, there := values[s.Metric.Hash()]
		same := v == s.F || math.IsNaN(v) && math.IsNaN(s.F) || math.Abs(v-s.F) < 1e-9*math.Abs(v)
		if !there || !same {
			return false
		}
	}
	return true
}

// A rule is evaluated for a target only if its selectors select something there, and it then misses nothing.
func TestRulesThatAreNotBoundHaveNoRows(t *testing.T) {
	x := expressions{rand.New(rand.NewPCG(7, 8))}
	r := start(t, `{record: x, expr: a}, {record: y, expr: b}, {record: z, expr: c_total}`)
	r.poll(`a{i="1"} 3`, `a{i="2"} 5`)
	r.poll(`a{i="1"} 4`, `a{i="2"} 5`)
	s := r.e.queryEngine.Load()
	unbound := 0
	for unbound < 300 {
		text := x.vector(1 + x.IntN(3))
		e, err := expression.Parser.ParseExpr(text)
		if err != nil || expression.Separable(e) != nil {
			continue
		}
		sel := newSelectors([]*Rule{{Expr: e, Alert: "A"}})
		seen := make([]bool, len(sel.all))
		for _, i := range []string{"1", "2"} {
			sel.mark(labels.FromStrings("__name__", "a", "i", i, "target", "sw1"), seen)
		}
		if sel.mayYield(e, seen) {
			continue
		}
		rows, _ := QueryFunc(s.engine, s.store.samples)(t.Context(), text, r.now)
		if len(rows) > 0 {
			t.Fatalf("%s is not bound, and gives %s", text, rows)
		}
		unbound++
	}
}
