package views

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/history"
)

func addTop(program *cli.Program) {
	c := program.App.Command("top", "Show the rates of a target's interfaces, or its hardware, live. Without a server, a target of the configuration is polled from here. Keys: q ends, t shows the next table, s sorts, / filters, e shows errors, Enter draws the history of the row that the arrow keys chose.")
	server := cli.AddServerFlags(c)
	files, expandEnv := cli.AddConfigFlags(c)
	every := c.Flag("every", "How often to ask the server, or the device.").Default("2s").Duration()
	table := c.Flag("table", "Table to show; without it, interfaces, or hardware of a target that has none.").String()
	name := cli.TargetArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		if *every < 100*time.Millisecond {
			return cli.Usagef("--every %v: write 100ms or more", *every)
		}
		r, err := server.Open()
		if err != nil {
			return err
		}
		remote := &topSource{r, *name}
		var source topAsker = remote
		first := source.ask(ctx, *table)
		instead := "target " + *name + " --table=" + cmp.Or(*table, topTables[0])
		if first.err != nil {
			w, target, err := remote.withoutServer(ctx, server, *files, *expandEnv, first.err)
			if err != nil {
				return err
			}
			local, end := newLocalTop(ctx, w, target, *every)
			defer end()
			source, instead = local, "poll "+*name
			if first = source.ask(ctx, *table); first.err != nil {
				return first.err
			}
		}
		if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
			return cli.Usagef("top wants a terminal: write trapline %s", instead)
		}
		m := &topModel{ctx: ctx, source: source, every: *every, data: first, table: first.table.Name}
		_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
		if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
			return &cli.Failure{Status: cli.ExitInterrupted}
		}
		return err
	}
}

// topTables are the tables that top shows by itself.
var topTables = []string{history.Interfaces, "hardware", "optics", "filesystems", "wireless", "services"}

// nextTable is the first of topTables after one that a target has; the same if there is no other.
func nextTable(after string, has []api.TableName) string {
	from := slices.Index(topTables, after) + 1
	for i := range topTables {
		name := topTables[(from+i)%len(topTables)]
		if slices.ContainsFunc(has, func(t api.TableName) bool { return t.Name == name }) {
			return name
		}
	}
	return cmp.Or(after, topTables[0])
}

// topSource is a target at a server.
type topSource struct {
	server *cli.Remote
	name   string
}

// topData is an answer of the server.
type topData struct {
	target api.Target
	table  api.Table
	at     time.Time
	err    error
}

func (s *topSource) ask(ctx context.Context, table string) (d topData) {
	d.at = time.Now()
	if _, d.err = s.server.Target(ctx, s.name, &d.target); d.err != nil {
		return d
	}
	if table == "" {
		table = nextTable("", d.target.Tables)
	}
	_, err := s.server.Get(ctx, cli.TargetPath(s.name)+"/tables/"+url.PathEscape(table), url.Values{"rates": {"1"}, "history": {"1"}, "limit": {maxRows}}, &d.table)
	if err != nil {
		d.err = unknownTable(ctx, s.server, api.TableQuery{Target: s.name, Table: table}, err)
	}
	return d
}
