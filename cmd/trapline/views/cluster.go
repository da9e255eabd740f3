package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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
				if err := p.Grid(memberGrid(all)); err != nil || p.Format == "csv" {
					return err
				}
				for _, line := range clusterFaults(all) {
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
		if m.Draining {
			state = cli.Item{Text: "leaves", Mark: "○", Style: cli.Faint}
		}
		var is []string
		for _, role := range []struct{ name, member string }{{"leader", c.Leader}, {"coordinator", c.Coordinator}, {"asked", c.Member}} {
			if role.member == m.Name {
				is = append(is, role.name)
			}
		}
		g.Add(state, cli.Item{Text: m.Name, Style: cli.Bold}, cli.Number(m.Targets), cli.Number(m.Shards),
			cli.Item{Text: strconv.FormatFloat(m.Cost, 'f', 0, 64)}, cli.Item{Text: m.Zone}, cli.Item{Text: strings.Join(is, ", ")},
			cli.Item{Text: strconv.FormatFloat(-m.Skew, 'f', 1, 64) + "s"}, cli.Item{Text: m.Version}, cli.Item{Text: shortHash(m.Config)})
	}
	for _, name := range c.Absent {
		g.Add(cli.Item{Text: "absent", Mark: "▼", Style: cli.Bad}, cli.Item{Text: name, Style: cli.Bold}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{}, cli.Item{})
	}
	return g
}

func shortHash(hash string) string { return hash[:min(len(hash), 12)] }

// clusterFaults says why a cluster is not whole.
func clusterFaults(c *api.Cluster) (lines []string) {
	if c.Member == "" {
		return nil
	}
	if !c.EngineUp || c.Session <= 0 {
		lines = append(lines, "the engine does not answer this member: it polls on the targets that it had")
	}
	if c.Differ {
		lines = append(lines, "the engine has the voters "+strings.Join(c.Voting, ", ")+", and cluster.members has others: one that started without data votes after some seconds")
	}
	if len(c.Unowned) > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s without an owner", human.Counted(c.NotPolled, "target"), human.Counted(len(c.Unowned), "shard")))
	}
	if len(c.InDoubt) > 0 {
		lines = append(lines, human.Counted(len(c.InDoubt), "shard")+" in doubt: a commit has no answer yet")
	}
	for _, h := range c.Held {
		lines = append(lines, fmt.Sprintf("the rules of group %s over several targets wait: %s", h.Group, h.Reason))
	}
	hashes := map[string]bool{}
	for i := range c.Members {
		hashes[c.Members[i].Config] = true
	}
	if len(hashes) > 1 {
		lines = append(lines, "the members have different configurations")
	}
	return lines
}
