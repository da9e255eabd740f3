package views

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strconv"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addTraps(program *cli.Program) {
	c := program.App.Command("traps", "Print how often which traps and informs of devices came since the start, the most frequent first.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	unknown := c.Flag("unknown", "The last ones of devices that are no target, the newest first.").Bool()
	refused := c.Flag("refused", "The senders that were refused last, and why.").Bool()
	limit := cli.CountOf(c.Flag("limit", "How many at most.").Short('n').Default("1000"), 1)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		if *unknown && *refused {
			return cli.Usagef("--unknown and --refused are different lists: write one of them")
		}
		grid, none := countGrid, "no traps came"
		switch {
		case *unknown:
			grid, none = unknownGrid, "no traps of devices that are no target"
		case *refused:
			grid, none = refusedGrid, "nothing was refused"
		}
		view := cli.View[api.Received]{
			Get: func(r *cli.Remote, list *api.Received) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/traps", url.Values{"limit": {strconv.Itoa(*limit)}}, list)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, list *api.Received) error { return p.Grid(grid(list)) },
			Note: func(list *api.Received) string {
				switch {
				case len(list.Listens) == 0:
					return "the server receives no traps: its configuration has no listen.addresses"
				case grid(list).Len() == 0:
					return none
				}
				return ""
			},
		}
		return view.Show(server, output)
	}
}

func countGrid(list *api.Received) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "target"}, {Name: "trap"}, {Name: "count", Right: true}}}
	for _, c := range list.Counts {
		g.Add(cli.Item{Text: c.Target, Style: cli.Bold}, cli.Item{Text: c.Trap}, cli.Item{Text: human.Grouped(int(c.Count)), Exact: strconv.FormatUint(c.Count, 10)})
	}
	return g
}

func unknownGrid(list *api.Received) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "at"}, {Name: "device"}, {Name: "version"}, {Name: "trap"}, {Name: "sender", Wide: true}, {Name: "user", Wide: true}, {Name: "context", Wide: true},
		{Name: "engine ID", Wide: true}, {Name: "OID", Wide: true}, {Name: "text"},
	}}
	for _, t := range list.Unknown {
		g.Add(cli.TimeCell(t.At), cli.Item{Text: t.Device, Style: cli.Bold}, cli.Item{Text: t.Version}, cli.Item{Text: t.Trap}, cli.Item{Text: t.Sender}, cli.Item{Text: t.User}, cli.Item{Text: t.Context},
			cli.Item{Text: t.EngineID}, cli.Item{Text: t.OID}, cli.Item{Text: t.Text})
	}
	return g
}

func refusedGrid(list *api.Received) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "last"}, {Name: "sender"}, {Name: "reason"}, {Name: "count", Right: true}, {Name: "remedy"}}}
	remedies := map[string]string{}
	for _, r := range list.Refused {
		remedies[r.Reason] = r.Hint
	}
	for _, r := range list.Refusers {
		g.Add(cli.TimeCell(r.Last), cli.Item{Text: r.Sender, Style: cli.Bold}, cli.Item{Text: r.Reason}, cli.Number(r.Count), cli.Item{Text: remedies[r.Reason]})
	}
	return g
}
