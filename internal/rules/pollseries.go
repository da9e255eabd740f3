package rules

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/series"
)

// upDescs are the names that common rules have for whether the target answers.
var upDescs = []*series.Desc{{Name: "up"}, {Name: "snmp_up"}}

var limitDesc = &series.Desc{Name: limitName}

// pollSeries returns the series about a poll, which exist whether the target answers or not.
func pollSeries(p *poller.Pass, t *poller.Target) *series.Set {
	up := 0.0
	if p.Up {
		up = 1
	}
	set := &series.Set{}
	for _, d := range upDescs {
		set.Columns = append(set.Columns, series.Column{Desc: d, Table: &series.Table{Ends: []uint32{0}}, Values: []float64{up}})
	}
	limits := series.Column{Desc: limitDesc, Table: &series.Table{}}
	for name, text := range t.Labels {
		if v, err := numberIn(text); err == nil {
			limits.Table.Labels = series.AppendLabel(limits.Table.Labels, len(limits.Table.Labels), limitLabel, []byte(name))
			limits.Table.AddRow()
			limits.Values = append(limits.Values, v)
		}
	}
	set.Columns = append(set.Columns, limits)
	return set
}

// onlyPollSeries reports whether an expression selects only series about polling.
func onlyPollSeries(e parser.Expr) bool {
	list := expression.Selectors(e)
	poll := func(vs *parser.VectorSelector) bool { return isPollSeries(expression.Name(vs)) }
	other := func(vs *parser.VectorSelector) bool { return !poll(vs) && expression.Name(vs) != alertsName }
	return slices.ContainsFunc(list, poll) && !slices.ContainsFunc(list, other)
}

// isPollSeries reports whether series of that name exist after every poll: they are about polling, or counts of traps.
func isPollSeries(name string) bool {
	return strings.HasPrefix(name, "trapline_target_") || name == "up" || name == "snmp_up" || name == poller.TrapsTotal
}
