package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addTarget(program *cli.Program) {
	c := program.App.Command("target", "Show what the server knows about a target, or one of its tables. The exit status is 1 if it is down.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	tableName := c.Flag("table", "Print this table, such as interfaces.").PlaceHolder("TABLE").String()
	name := cli.TargetArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		if *tableName != "" {
			return showTable(ctx, server, output, api.TableQuery{Target: *name, Table: *tableName})
		}
		view := cli.View[api.Target]{
			Get: func(r *cli.Remote, t *api.Target) (json.RawMessage, error) { return r.Target(ctx, *name, t) },
			Print: func(p *cli.Printer, _ *cli.Remote, t *api.Target) error {
				if p.Format == "csv" {
					return p.Grid(targetGrid([]api.TargetSummary{t.TargetSummary}))
				}
				printTarget(p, t)
				return nil
			},
			Failed: func(t *api.Target) bool { return t.State == api.Down },
		}
		return view.Show(server, output)
	}
}

// roundTrip is a round trip time; a target that never answered has none.
func roundTrip(seconds float64) string {
	if seconds == 0 {
		return "unknown (no answer yet)"
	}
	return human.Span(seconds)
}

// printTarget writes a target, a line for each part.
func printTarget(p *cli.Printer, t *api.Target) {
	state := stateCell(t.State)
	text := p.Styled(p.Text(state), state.Style)
	if since := human.Age(t.Since); since != "" {
		text += " for " + since
	}
	fmt.Fprintf(p.Out, "%s  %s\n", p.Styled(human.Visible(t.Name), cli.Bold), text)
	p.Field("Address", fmt.Sprintf("%s, SNMP %s, auth %s", t.Address, t.Version, t.Auth))
	p.Field("Labels", cli.LabelsText(t.Labels))
	p.Field("Device", t.Kind)
	p.Field("sysName", t.Identity.SysName)
	p.Field("sysDescr", t.Identity.SysDescr)
	p.Field("Location", t.Identity.SysLocation)
	p.Field("Serial", t.Identity.Serial)
	if t.Identity.Up > 0 {
		p.Field("Running", human.Span(t.Identity.Up))
	}
	p.Field("Modules", strings.Join(t.Modules, ", "))
	p.Field("Profile", t.Profile)
	p.Field("Last poll", lastPoll(&t.TargetSummary))
	p.Field("Paused", t.Paused)
	p.Field("Transport", fmt.Sprintf("RTT %s, window %s, %s retransmitted in the last poll, %s of %s packets in all", roundTrip(t.RTT), human.Trimmed(t.Window, 3), human.Percent(t.Loss), human.Grouped(int(t.Retries)), human.Grouped(int(t.Packets))))
	if t.Alarms > 0 {
		p.Field("Alarms", listed(human.Grouped(t.Alarms), "%s baseline", t.Baseline))
	}
	p.Problems(t)
	for _, s := range t.Ladder {
		if s.Text != "" && t.Problem != nil && strings.HasPrefix(t.Problem.Text, s.Text) {
			s.Text = "" // which stands above
		}
		p.Step(&s)
	}
	var tables []string
	for _, named := range t.Tables {
		tables = append(tables, fmt.Sprintf("%s (%s)", named.Name, tableText(&named)))
	}
	p.Field("Tables", strings.Join(tables, ", "))
	for i := range t.Neighbours {
		name := "Neighbors"
		if i > 0 {
			name = ""
		}
		p.Field(name, neighbourText(&t.Neighbours[i]))
	}
	for i, change := range t.Changes {
		name := "Changes"
		if i > 0 {
			name = ""
		}
		p.Field(name, strings.TrimSpace(human.Moment(change.At)+" "+string(change.State)+" "+change.Text))
	}
}

// neighbourText returns a neighbour in words.
func neighbourText(n *api.Neighbour) string {
	text := human.Visible(n.Name) + " by " + strings.Join(n.By, " and ")
	if n.Via != "" {
		text += " over " + human.Visible(n.Via)
	}
	switch {
	case n.Linked:
		return text + " since " + human.Moment(n.Since)
	case n.Target:
		return text + ", which does not name this device"
	}
	return text + ", no target"
}

func lastPoll(t *api.TargetSummary) string {
	if t.LastPoll.IsZero() {
		return fmt.Sprintf("none yet; every %s", human.Span(t.Interval))
	}
	return fmt.Sprintf("%s, took %s, %s; every %s", human.SinceWords(t.LastPoll), human.Span(t.Duration), human.Grouped(t.Series)+" series", human.Span(t.Interval))
}

// showTable prints a table of a target, in CSV with its values as numbers.
func showTable(ctx context.Context, server *cli.ServerFlags, output *cli.OutputFlags, q api.TableQuery) error {
	view := cli.View[api.Table]{
		Get: func(r *cli.Remote, t *api.Table) (json.RawMessage, error) {
			raw, err := r.Get(ctx, cli.TargetPath(q.Target)+"/tables/"+url.PathEscape(q.Table), url.Values{"rates": {"1"}, "limit": {maxRows}}, t)
			if err != nil {
				return nil, unknownTable(ctx, r, q, err)
			}
			return raw, nil
		},
		Print: func(p *cli.Printer, _ *cli.Remote, t *api.Table) error { return p.Grid(tableGrid(t)) },
	}
	return view.Show(server, output)
}

// unknownTable says which tables a target has.
func unknownTable(ctx context.Context, r *cli.Remote, q api.TableQuery, err error) error {
	target, name := q.Target, q.Table
	var f *cli.Failure
	if !cli.AsUnknown(err, &f) {
		return err
	}
	var t api.Target
	if _, err := r.Target(ctx, target, &t); err != nil {
		return err
	}
	var names []string
	for _, named := range t.Tables {
		names = append(names, named.Name)
	}
	advice := cli.DidYouMean(name, names)
	if advice == "" {
		advice = ": it has " + strings.Join(names, ", ")
	}
	return cli.Usagef("%s has no table %q%s", target, name, advice)
}

// maxRows is how many rows of a table are asked for.
const maxRows, maxRowsShown = "100000", 100000

func tableGrid(t *api.Table) *cli.Grid {
	g := &cli.Grid{}
	for _, c := range t.Columns {
		g.Columns = append(g.Columns, cli.Column{Name: c.Title, Exact: c.Name, Right: c.Unit != ""})
	}
	for _, row := range t.Rows {
		cells := make([]cli.Item, len(t.Columns))
		for i := range cells {
			if i < len(row.Cells) {
				cells[i].Text = row.Cells[i]
			}
			if i < len(row.Values) && row.Values[i] != nil {
				cells[i].Exact = strconv.FormatFloat(*row.Values[i], 'g', -1, 64)
			}
		}
		g.Add(cells...)
	}
	return g
}

// tableText says how many rows a table has, and of one that the last poll did not read, when it was read and is due.
func tableText(t *api.TableName) string {
	rows := human.Grouped(t.Rows)
	if t.Due.IsZero() {
		return rows
	}
	now := time.Now()
	return fmt.Sprintf("%s, read %s ago, carried, due in %s", rows, human.Duration(now.Sub(t.ReadAt)), human.Duration(max(t.Due.Sub(now), 0)))
}
