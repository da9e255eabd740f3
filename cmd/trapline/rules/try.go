package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addRulesTry(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("try", "Try an expression on the last polls of the server: what would fire, and how often it began to in the samples that are kept.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	request := api.TryRequest{}
	c.Flag("for", "How long it has to be true, such as 5m.").PlaceHolder("DURATION").StringVar(&request.For)
	c.Flag("targets", "Only of the targets that this query selects.").PlaceHolder("QUERY").StringVar(&request.Targets)
	c.Arg("expr", "An expression of PromQL, such as 'ifOperStatus == 2'.").Required().StringVar(&request.Expr)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[api.Try]{
			Get: func(r *cli.Remote, t *api.Try) (json.RawMessage, error) {
				return r.Post(ctx, "/api/v1/rules/try", &request, t)
			},
			Print: printTry,
		}
		return view.Show(server, output)
	}
}

// printTry writes the verdict and the series that match.
func printTry(p *cli.Printer, _ *cli.Remote, t *api.Try) error {
	if p.Format != "csv" {
		for _, text := range append([]string{t.Text}, t.Warnings...) {
			fmt.Fprintln(p.Out, human.Visible(text))
		}
		if len(t.Matches) == 0 {
			return nil
		}
	}
	return p.Grid(tryGrid(t.Matches))
}

func tryGrid(list []api.TryMatch) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "target"}, {Name: "labels"}, {Name: "value", Right: true}, {Name: "fires"}, {Name: "began", Right: true}}}
	for i := range list {
		m := &list[i]
		fires := cli.Item{Text: "not yet", Exact: "false"}
		if m.Fires {
			fires = cli.Item{Text: "yes", Exact: "true", Style: cli.Bad}
		}
		g.Add(cli.Item{Text: m.Target, Style: cli.Bold}, cli.Item{Text: cli.LabelsText(m.Labels)}, cli.Item{Text: human.Trimmed(m.Value, 6), Exact: cli.Exact(m.Value)}, fires,
			cli.Item{Text: strconv.Itoa(m.Changes) + " times", Exact: strconv.Itoa(m.Changes)})
	}
	return g
}
