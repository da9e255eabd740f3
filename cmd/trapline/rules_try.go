package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

func addRulesTry(parent *kingpin.CmdClause, commands map[string]command) {
	c := parent.Command("try", "Try an expression on the last polls of the server: what would fire, and how often it began to in the samples that are kept.")
	server, output := addServerFlags(c), addOutputFlags(c)
	request := api.TryRequest{}
	c.Flag("for", "How long it has to be true, such as 5m.").PlaceHolder("DURATION").StringVar(&request.For)
	c.Flag("targets", "Only of the targets that this query selects.").PlaceHolder("QUERY").StringVar(&request.Targets)
	c.Arg("expr", "An expression of PromQL, such as 'ifOperStatus == 2'.").Required().StringVar(&request.Expr)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		var t api.Try
		raw, err := r.post(ctx, "/api/v1/rules/try", &request, &t)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return err
		}
		if p.format != "csv" {
			for _, text := range append([]string{t.Text}, t.Warnings...) {
				fmt.Fprintln(p.out, human.Visible(text))
			}
			if len(t.Matches) == 0 {
				return nil
			}
		}
		return p.grid(tryGrid(t.Matches))
	}
}

func tryGrid(list []api.TryMatch) *grid {
	g := &grid{columns: []column{{name: "target"}, {name: "labels"}, {name: "value", right: true}, {name: "fires"}, {name: "began", right: true}}}
	for i := range list {
		m := &list[i]
		fires := item{text: "not yet", exact: "false"}
		if m.Fires {
			fires = item{text: "yes", exact: "true", style: bad}
		}
		g.add(item{text: m.Target, style: bold}, item{text: labelsText(m.Labels)}, item{text: human.Trimmed(m.Value, 6), exact: exact(m.Value)}, fires,
			item{text: strconv.Itoa(m.Changes) + " times", exact: strconv.Itoa(m.Changes)})
	}
	return g
}
