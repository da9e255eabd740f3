package views

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addLists(program *cli.Program, targets *kingpin.CmdClause) {
	c := targets.Command("lists", "Print the lists of targets that are kept elsewhere, and why entries of them are not polled. The exit status is 1 if a source fails, or targets are held.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[[]api.List]{
			Get: func(r *cli.Remote, all *[]api.List) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/discovery", nil, all)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, all *[]api.List) error {
				if err := p.Grid(listGrid(*all)); err != nil || p.Format == "csv" {
					return err
				}
				printRejections(p, *all)
				return nil
			},
			Note: func(all *[]api.List) string {
				if len(*all) > 0 {
					return ""
				}
				return "the configuration of the server has no discovery: all targets stand in its files"
			},
			Failed: func(all *[]api.List) bool {
				for i := range *all {
					if l := &(*all)[i]; l.Held > 0 || l.Failing() {
						return true
					}
				}
				return false
			},
		}
		return view.Show(server, output)
	}
}

// listGrid has a row for each source.
func listGrid(all []api.List) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "list"}, {Name: "targets", Right: true}, {Name: "held", Right: true}, {Name: "rejected", Right: true}, {Name: "source"}, {Name: "entries", Right: true}, {Name: "read"}, {Name: "error"},
	}}
	for i := range all {
		l := &all[i]
		for _, s := range l.Sources {
			g.Add(cli.Item{Text: l.Name, Style: cli.Bold}, cli.Number(l.Targets), cli.Number(l.Held), cli.Number(l.Rejected), cli.Item{Text: s.Name}, cli.Number(s.Entries), cli.TimeCell(s.LastSuccess), cli.Item{Text: s.Error})
		}
	}
	return g
}

func printRejections(p *cli.Printer, all []api.List) {
	for i := range all {
		l := &all[i]
		if l.Held > 0 {
			fmt.Fprintf(p.Out, "\n%s has lost %d targets at once, which are polled on: `trapline targets accept %s` takes the list as it is\n", l.Name, l.Held, l.Name)
		}
		if l.Unknown {
			fmt.Fprintf(p.Out, "\n%s was not read as a whole yet: alarms of targets that it may have had stay until it was, or until `trapline targets accept %s`\n", l.Name, l.Name)
		}
		if l.Rejected > 0 {
			fmt.Fprintf(p.Out, "\n%s: %s not polled\n", l.Name, human.Counted(l.Rejected, "entry"))
		}
		for _, r := range l.Rejections {
			fmt.Fprintf(p.Out, "  %s: %s\n", human.Visible(r.Name), human.Visible(r.Text))
		}
		printNaming(p, l)
	}
}

// printNaming prints which devices have not said their names yet, and which have others than their targets.
func printNaming(p *cli.Printer, l *api.List) {
	if l.Waiting > 0 {
		fmt.Fprintf(p.Out, "\n%s: %s asked for its name before the first poll\n", l.Name, human.Counted(l.Waiting, "device"))
	}
	if l.Misnamed > 0 {
		fmt.Fprintf(p.Out, "\n%s: %s with another name than assign gives\n", l.Name, human.Counted(l.Misnamed, "target"))
	}
	for _, r := range l.Naming {
		fmt.Fprintf(p.Out, "  %s: %s\n", human.Visible(r.Name), human.Visible(r.Text))
	}
}

func addAccept(program *cli.Program, targets *kingpin.CmdClause) {
	c := targets.Command("accept", "Take a list as it is: targets that it has lost all at once are polled no more, and their alarms are cleared; targets that assign names get the names that it gives today.")
	server := cli.AddServerFlags(c)
	name := c.Arg("list", "Name of the list, an entry of discovery in the configuration.").Required().String()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.Open()
		if err != nil {
			return err
		}
		_, err = r.Post(ctx, "/api/v1/discovery/"+url.PathEscape(*name)+"/accept", nil, nil)
		var f *cli.Failure
		if !cli.AsUnknown(err, &f) {
			return err
		}
		var all []api.List
		var names []string
		if _, err := r.Get(ctx, "/api/v1/discovery", nil, &all); err == nil {
			for i := range all {
				names = append(names, all[i].Name)
			}
		}
		if len(names) == 0 {
			return cli.Usagef("the server has no lists: its configuration has no discovery")
		}
		return cli.Usagef("no list %q%s", *name, cmp.Or(cli.DidYouMean(*name, names), "; the lists are "+strings.Join(names, ", ")))
	}
}
