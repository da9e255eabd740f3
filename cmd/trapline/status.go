package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

func addStatus(app *kingpin.Application, commands map[string]command) {
	c := app.Command("status", "Show how the server fares, from devices to receivers, and what needs attention. The exit status is 1 if anything does.")
	server, output := addServerFlags(c), addOutputFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		var s api.Status
		raw, err := r.get(ctx, "/api/v1/status", nil, &s)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return firstOf(err, failed(len(s.Attention) > 0))
		}
		if p.format != "csv" {
			p.overview(&s, r.base.Redacted())
		}
		if len(s.Attention) == 0 && p.format != "csv" {
			_, err := fmt.Fprintln(p.out, "Nothing needs attention.")
			return err
		}
		return firstOf(p.grid(attention(s.Attention)), failed(len(s.Attention) > 0))
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// overview writes a line for each part of the process.
func (p *printer) overview(s *api.Status, url string) {
	fmt.Fprintf(p.out, "Trapline %s, running %s, at %s\n", s.Version, human.Span(time.Since(s.Started).Seconds()), url)
	for _, line := range [][2]string{
		{"Targets", targetCounts(s.Targets)},
		{"Series", fmt.Sprintf("%s, %s/s", human.Grouped(s.Series.Total), human.Grouped(int(s.Series.PerSecond)))},
		{"Rules", listed(human.Grouped(s.Rules.Total), "%s failing", s.Rules.Failing, "%s without data", s.Rules.WithoutData, "%s firing", s.Rules.Firing, "%s pending", s.Rules.Pending)},
		{"Alarms", severities(s.Alarms)},
		{"Receivers", listed(human.Grouped(s.Receivers.Total), "%s failing", s.Receivers.Failing, "%s notifications wait", s.Receivers.Waiting, "%s given up", s.Receivers.GivenUp)},
		{"Polls", fmt.Sprintf("%s answered in the last hour; median %s, 99 %% within %s; %s retransmitted",
			human.Percent(s.Polls.AnsweredRatio), human.Span(s.Polls.MedianSeconds), human.Span(s.Polls.Percentile99), human.Percent(s.Polls.RetransmittedRatio))},
	} {
		fmt.Fprintf(p.out, "%-10s %s\n", line[0], line[1])
	}
	if s.Config.Refused.IsZero() {
		fmt.Fprintln(p.out)
		return
	}
	fmt.Fprintf(p.out, "%-10s %s\n", "Config", p.styled("the reload of "+human.Moment(s.Config.Refused)+" was refused, the configuration before it runs", bad))
	for _, e := range s.Config.Errors {
		fmt.Fprintf(p.out, "%-10s %s\n", "", human.Visible(fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)))
	}
	fmt.Fprintln(p.out)
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
	return listed(human.Grouped(c.Total), "%s up", c.Up, "%s partial", c.Partial, "%s down", c.Down, "%s waiting", c.Waiting)
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

func attention(list []api.Attention) *grid {
	g := &grid{columns: []column{{name: "needs attention"}, {name: "since"}, {name: "what"}, {name: "query", wide: true}, {name: "path", wide: true}}}
	for _, a := range list {
		g.add(item{text: a.Kind, style: bad}, timeCell(a.Since), item{text: a.Text}, item{text: a.Query}, item{text: a.Path})
	}
	return g
}

// timeCell is a time as a person reads it, in CSV as RFC 3339 has it.
func timeCell(at time.Time) item {
	if at.IsZero() {
		return item{}
	}
	return item{text: human.Moment(at), exact: at.UTC().Format(time.RFC3339)}
}
