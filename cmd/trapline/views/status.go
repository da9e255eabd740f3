package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addStatus(program *cli.Program) {
	c := program.App.Command("status", "Show the state of the server, from devices to receivers, and what needs attention. The exit status is 1 if anything does.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[api.Status]{
			Get: func(r *cli.Remote, s *api.Status) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/status", nil, s)
			},
			Print:  printStatus,
			Failed: func(s *api.Status) bool { return len(s.Attention) > 0 },
		}
		return view.Show(server, output)
	}
}

// printStatus writes the overview, and the list of parts that need attention.
func printStatus(p *cli.Printer, r *cli.Remote, s *api.Status) error {
	if p.Format == "csv" {
		return p.Grid(attention(s.Attention))
	}
	printOverview(p, s, r.Base.Redacted())
	if len(s.Attention) == 0 {
		_, err := fmt.Fprintln(p.Out, "Nothing needs attention.")
		return err
	}
	return p.Grid(attention(s.Attention))
}

// printOverview writes a line for each part of the process.
func printOverview(p *cli.Printer, s *api.Status, url string) {
	fmt.Fprintf(p.Out, "Trapline %s, running %s, at %s\n", s.Version, human.Span(time.Since(s.Started).Seconds()), url)
	for _, line := range [][2]string{
		{"Targets", targetCounts(s.Targets)},
		{"Series", fmt.Sprintf("%s, %s/s", human.Grouped(s.Series.Total), human.Grouped(int(s.Series.PerSecond)))},
		{"Rules", listed(human.Grouped(s.Rules.Total), "%s failing", s.Rules.Failing, "%s without data", s.Rules.WithoutData, "%s firing", s.Rules.Firing, "%s pending", s.Rules.Pending)},
		{"Alarms", severities(s.Alarms)},
		{"Receivers", listed(human.Grouped(s.Receivers.Total), "%s failing", s.Receivers.Failing, waitingFormat(s.Receivers.Waiting), s.Receivers.Waiting, "%s given up", s.Receivers.GivenUp)},
		{"Polls", fmt.Sprintf("%s answered in the last hour; median %s, 99 %% within %s; %s retransmitted",
			human.Percent(s.Polls.AnsweredRatio), human.Span(s.Polls.MedianSeconds), human.Span(s.Polls.Percentile99), human.Percent(s.Polls.RetransmittedRatio))},
	} {
		fmt.Fprintf(p.Out, "%-10s %s\n", line[0], line[1])
	}
	if s.Config.Refused.IsZero() {
		fmt.Fprintln(p.Out)
		return
	}
	fmt.Fprintf(p.Out, "%-10s %s\n", "Config", p.Styled("the reload of "+human.Moment(s.Config.Refused)+" was refused, the configuration before it runs", cli.Bad))
	for _, e := range s.Config.Errors {
		fmt.Fprintf(p.Out, "%-10s %s\n", "", human.Visible(fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)))
	}
	fmt.Fprintln(p.Out)
}

// waitingFormat is the format of how many notifications wait.
func waitingFormat(n int) string {
	if n == 1 {
		return "%s notification waits"
	}
	return "%s notifications wait"
}

// listed writes a total, and behind it the counts that are not zero: pairs of a format and a count.
func listed(total string, pairs ...any) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		if n := pairs[i+1].(int); n > 0 {
			parts = append(parts, fmt.Sprintf(pairs[i].(string), human.Grouped(n)))
		}
	}
	if len(parts) == 0 {
		return total
	}
	return total + ": " + strings.Join(parts, ", ")
}

func targetCounts(c api.TargetCounts) string {
	return listed(human.Grouped(c.Total), "%s up", c.Up, "%s partial", c.Partial, "%s down", c.Down, "%s waiting", c.Waiting, "%s unknown", c.Unknown)
}

// severityOrder has the most urgent first.
var severityOrder = []string{"critical", "major", "minor", "warning", "indeterminate"}

func severities(c api.AlarmCounts) string {
	names := slices.SortedFunc(maps.Keys(c.BySeverity), func(a, b string) int {
		return slices.Index(severityOrder, a) - slices.Index(severityOrder, b)
	})
	var pairs []any
	for _, name := range names {
		pairs = append(pairs, "%s "+name, c.BySeverity[name])
	}
	pairs = append(pairs, "%s baseline", c.Baseline)
	return listed(human.Grouped(c.Total), pairs...)
}

func attention(list []api.Attention) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "needs attention"}, {Name: "since"}, {Name: "what"}, {Name: "query", Wide: true}, {Name: "path", Wide: true}}}
	for _, a := range list {
		g.Add(cli.Item{Text: a.Kind, Style: cli.Bad}, cli.TimeCell(a.Since), cli.Item{Text: a.Text}, cli.Item{Text: a.Query}, cli.Item{Text: a.Path})
	}
	return g
}
