package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

func addTarget(app *kingpin.Application, commands map[string]command) {
	c := app.Command("target", "Show what the server knows about a target, or one of its tables. The exit status is 1 if it is down.")
	server, output := addServerFlags(c), addOutputFlags(c)
	tableName := c.Flag("table", "Print this table, such as interfaces.").PlaceHolder("TABLE").String()
	name := targetArg(c, server)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		if *tableName != "" {
			return r.printTable(ctx, output.printer(), *name, *tableName)
		}
		var t api.Target
		raw, err := r.target(ctx, *name, &t)
		if err != nil {
			return err
		}
		p := output.printer()
		down := failed(t.State == api.Down)
		if done, err := p.data(raw); done || err != nil {
			return firstOf(err, down)
		}
		if p.format == "csv" {
			return firstOf(p.grid(targetGrid([]api.TargetSummary{t.TargetSummary})), down)
		}
		p.target(&t)
		return down
	}
}

// targetArg is the name of a target of a server.
func targetArg(c *kingpin.CmdClause, server *serverFlags) *string {
	return c.Arg("target", "Name of the target.").Required().HintAction(func() []string { return serverTargets(server) }).String()
}

func targetPath(name string) string { return "/api/v1/targets/" + url.PathEscape(name) }

// target asks for a target. For a name that is not known it says which one may be meant.
func (r *remote) target(ctx context.Context, name string, into *api.Target) ([]byte, error) {
	raw, err := r.get(ctx, targetPath(name), nil, into)
	return raw, r.suggesting(ctx, name, err)
}

// suggesting adds the target that a name was probably meant to be, if the server has not.
func (r *remote) suggesting(ctx context.Context, name string, err error) error {
	var f *failure
	if !asUnknown(err, &f) {
		return err
	}
	advice := didYouMean(name, r.targetNames(ctx))
	if advice == "" {
		advice = ". trapline targets lists them"
	}
	return usagef("no target %q at %s%s", name, r.base.Redacted(), advice)
}

// targetNames are the names of all targets, or nil if the server does not say.
func (r *remote) targetNames(ctx context.Context) (names []string) {
	list, _, err := r.targets(ctx, api.TargetQuery{Sort: "name"})
	if err != nil {
		return nil
	}
	for _, t := range list.Targets {
		names = append(names, t.Name)
	}
	return names
}

// target writes what is known about a target, a line for each part.
func (p *printer) target(t *api.Target) {
	state := stateCell(t.State)
	text := p.styled(p.text(state), state.style)
	if since := human.Age(t.Since); since != "" {
		text += " for " + since
	}
	fmt.Fprintf(p.out, "%s  %s\n", p.styled(human.Visible(t.Name), bold), text)
	p.field("Address", fmt.Sprintf("%s, SNMP %s, auth %s", t.Address, t.Version, t.Auth))
	p.field("Labels", labelsText(t.Labels))
	p.field("Device", t.Kind)
	p.field("sysName", t.Identity.SysName)
	p.field("sysDescr", t.Identity.SysDescr)
	p.field("Location", t.Identity.SysLocation)
	p.field("Serial", t.Identity.Serial)
	if t.Identity.Up > 0 {
		p.field("Running", human.Span(t.Identity.Up))
	}
	p.field("Modules", strings.Join(t.Modules, ", "))
	p.field("Profile", t.Profile)
	p.field("Last poll", lastPoll(&t.TargetSummary))
	p.field("Transport", fmt.Sprintf("RTT %s, window %s, %s retransmitted in the last poll, %s of %s packets in all", human.Span(t.RTT), human.Trimmed(t.Window, 3), human.Percent(t.Loss), human.Grouped(int(t.Retries)), human.Grouped(int(t.Packets))))
	if t.Alarms > 0 {
		p.field("Alarms", listed(human.Grouped(t.Alarms), "%s baseline", t.Baseline))
	}
	p.problems(t)
	for _, s := range t.Ladder {
		if s.Text != "" && t.Problem != nil && strings.HasPrefix(t.Problem.Text, s.Text) {
			s.Text = "" // which stands above
		}
		p.step(&s)
	}
	var tables []string
	for _, named := range t.Tables {
		tables = append(tables, fmt.Sprintf("%s (%s)", named.Name, human.Grouped(named.Rows)))
	}
	p.field("Tables", strings.Join(tables, ", "))
	for i, change := range t.Changes {
		name := "Changes"
		if i > 0 {
			name = ""
		}
		p.field(name, strings.TrimSpace(human.Moment(change.At)+" "+string(change.State)+" "+change.Text))
	}
}

// field writes a name and its text, unless that is empty.
func (p *printer) field(name, text string) {
	if text != "" {
		fmt.Fprintf(p.out, "%-10s %s\n", name, human.Visible(text))
	}
}

func lastPoll(t *api.TargetSummary) string {
	if t.LastPoll.IsZero() {
		return fmt.Sprintf("none yet; every %s", human.Span(t.Interval))
	}
	return fmt.Sprintf("%s, took %s, %s; every %s", human.SinceWords(t.LastPoll), human.Span(t.Duration), human.Grouped(t.Series)+" series", human.Span(t.Interval))
}

// problems writes what is missing and what to do, in the words of the API.
func (p *printer) problems(t *api.Target) {
	problems := t.Problems
	if len(problems) == 0 && t.Problem != nil {
		problems = []api.Problem{*t.Problem}
	}
	for i := range problems {
		p.problem(&problems[i])
	}
}

func (p *printer) problem(problem *api.Problem) {
	fmt.Fprintf(p.out, "%-10s %s\n", "Problem", p.styled(human.Visible(problem.Text), bad))
	p.field("", problem.Remedy)
}

// step writes a condition and whether it holds.
func (p *printer) step(s *api.Step) {
	styles := map[string]style{"ok": good, "failed": bad, "unknown": faint}
	marks := map[string]string{"ok": "✓", "failed": "✗", "unknown": "?"}
	text := fmt.Sprintf("  %s %s", marks[s.State], human.Visible(s.Name))
	fmt.Fprintln(p.out, strings.TrimRight(p.styled(text, styles[s.State])+"  "+human.Visible(s.Text), " "))
}

// printTable prints a table of a target, in CSV with its values as numbers.
func (r *remote) printTable(ctx context.Context, p *printer, target, name string) error {
	var t api.Table
	raw, err := r.get(ctx, targetPath(target)+"/tables/"+url.PathEscape(name), url.Values{"rates": {"1"}, "limit": {maxRows}}, &t)
	if err != nil {
		return r.unknownTable(ctx, target, name, err)
	}
	if done, err := p.data(raw); done || err != nil {
		return err
	}
	return p.grid(tableGrid(&t))
}

// unknownTable says which tables a target has.
func (r *remote) unknownTable(ctx context.Context, target, name string, err error) error {
	var f *failure
	if !asUnknown(err, &f) {
		return err
	}
	var t api.Target
	if _, err := r.target(ctx, target, &t); err != nil {
		return err
	}
	var names []string
	for _, named := range t.Tables {
		names = append(names, named.Name)
	}
	advice := didYouMean(name, names)
	if advice == "" {
		advice = ": it has " + strings.Join(names, ", ")
	}
	return usagef("%s has no table %q%s", target, name, advice)
}

// maxRows is how many rows of a table are asked for.
const maxRows, maxRowsShown = "100000", 100000

func tableGrid(t *api.Table) *grid {
	g := &grid{}
	for _, c := range t.Columns {
		g.columns = append(g.columns, column{name: c.Title, exact: c.Name, right: c.Unit != ""})
	}
	for _, row := range t.Rows {
		cells := make([]item, len(t.Columns))
		for i := range cells {
			if i < len(row.Cells) {
				cells[i].text = row.Cells[i]
			}
			if i < len(row.Values) && row.Values[i] != nil {
				cells[i].exact = strconv.FormatFloat(*row.Values[i], 'g', -1, 64)
			}
		}
		g.add(cells...)
	}
	return g
}
