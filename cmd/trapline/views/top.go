package views

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"trapline/internal/api"
	"trapline/internal/cli"
)

func addTop(program *cli.Program) {
	c := program.App.Command("top", "Show the rates of a target's interfaces, live. Without a server, a target of the configuration is polled from here. Keys: q ends, s sorts, / filters, e shows errors, Enter draws the history of the interface that the arrow keys chose.")
	server := cli.AddServerFlags(c)
	files, expandEnv := cli.AddConfigFlags(c)
	every := c.Flag("every", "How often to ask the server, or the device.").Default("2s").Duration()
	table := c.Flag("table", "Table to show.").Default("interfaces").String()
	name := cli.TargetArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		if *every < 100*time.Millisecond {
			return cli.Usagef("--every %v: write 100ms or more", *every)
		}
		r, err := server.Open()
		if err != nil {
			return err
		}
		remote := &topSource{r, *name, *table}
		var source topAsker = remote
		first := source.ask(ctx)
		instead := "target " + *name + " --table=" + *table
		if first.err != nil {
			w, target, err := remote.withoutServer(ctx, server, *files, *expandEnv, first.err)
			if err != nil {
				return err
			}
			local, end := newLocalTop(ctx, w, target, *table, *every)
			defer end()
			source, instead = local, "poll "+*name
			if first = source.ask(ctx); first.err != nil {
				return first.err
			}
		}
		if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
			return cli.Usagef("top wants a terminal: write trapline %s", instead)
		}
		m := &topModel{ctx: ctx, source: source, every: *every, data: first}
		_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler()).Run()
		if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
			return &cli.Failure{Status: cli.ExitInterrupted}
		}
		return err
	}
}

// topSource is a table of a target at a server.
type topSource struct {
	server      *cli.Remote
	name, table string
}

// topData is an answer of the server.
type topData struct {
	target api.Target
	table  api.Table
	at     time.Time
	err    error
}

func (s *topSource) ask(ctx context.Context) (d topData) {
	d.at = time.Now()
	if _, d.err = s.server.Target(ctx, s.name, &d.target); d.err != nil {
		return d
	}
	_, err := s.server.Get(ctx, cli.TargetPath(s.name)+"/tables/"+url.PathEscape(s.table), url.Values{"rates": {"1"}, "history": {"1"}, "limit": {maxRows}}, &d.table)
	if err != nil {
		d.err = unknownTable(ctx, s.server, api.TableQuery{Target: s.name, Table: s.table}, err)
	}
	return d
}
