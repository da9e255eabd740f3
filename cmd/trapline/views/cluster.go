package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addCluster(program *cli.Program) {
	group := program.App.Command("cluster", "See the cluster of which a server is a member, copy it, recover it, replace a voter.")
	c := group.Command("status", "Print the members of the cluster, and which targets have none. The exit status is 1 if it is not whole.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[api.Cluster]{
			Get: func(r *cli.Remote, all *api.Cluster) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/cluster", nil, all)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, all *api.Cluster) error {
				if all.Member == "" && p.Format != "csv" {
					return nil // the note says it
				}
				if err := p.Grid(memberGrid(all)); err != nil || p.Format == "csv" {
					return err
				}
				for _, line := range all.Problems {
					fmt.Fprintln(p.Out, line)
				}
				return nil
			},
			Note: func(all *api.Cluster) string {
				if all.Member != "" {
					return ""
				}
				return "the server is not a member of a cluster: its configuration has no cluster"
			},
			Failed: func(all *api.Cluster) bool { return !all.Whole },
		}
		return view.Show(server, output)
	}
}

func memberGrid(c *api.Cluster) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "state"}, {Name: "member"}, {Name: "targets", Right: true}, {Name: "shards", Right: true}, {Name: "cost", Right: true}, {Name: "zone", Wide: true}, {Name: "is"},
		{Name: "clock", Right: true}, {Name: "version"}, {Name: "configuration"},
	}}
	for i := range c.Members {
		m := &c.Members[i]
		state := cli.Item{Text: "lives", Mark: "●", Style: cli.Good}
		switch {
		case c.Session <= 0 && m.Name != c.Member: // as it was last seen
			state = cli.Item{Text: "unknown", Mark: "○", Style: cli.Faint}
		case m.Draining:
			state = cli.Item{Text: "leaves", Mark: "○", Style: cli.Faint}
		}
		g.Add(state, cli.Item{Text: m.Name, Style: cli.Bold}, cli.Number(m.Targets), cli.Number(m.Shards),
			cli.Item{Text: strconv.FormatFloat(m.Cost, 'f', 0, 64)}, cli.Item{Text: m.Zone}, cli.Item{Text: strings.Join(c.Roles(m.Name), ", ")},
			cli.Item{Text: human.Ahead(-m.Skew)}, cli.Item{Text: m.Version}, cli.Item{Text: shortHash(m.Config)})
	}
	row := func(state, name string, mark cli.Item) {
		mark.Text = state
		g.Add(mark, cli.Item{Text: name, Style: cli.Bold}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{Text: strings.Join(c.Roles(name), ", ")}, cli.Item{}, cli.Item{}, cli.Item{})
	}
	if c.Member != "" && !slices.ContainsFunc(c.Members, func(m api.ClusterMember) bool { return m.Name == c.Member }) {
		row("waits", c.Member, cli.Item{Mark: "○", Style: cli.Faint})
	}
	for _, name := range c.Absent {
		if c.Session <= 0 {
			row("unknown", name, cli.Item{Mark: "○", Style: cli.Faint})
		} else {
			row("absent", name, cli.Item{Mark: "▼", Style: cli.Bad})
		}
	}
	return g
}

func shortHash(hash string) string { return hash[:min(len(hash), 12)] }
